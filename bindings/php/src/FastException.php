<?php

declare(strict_types=1);

namespace Fast;

/**
 * Why a function of libfast failed. Catch the classes of Exceptions.php for one kind each, this one for all.
 *
 * The message says what, where, why and what to do, in one line; its wording may change in any release.
 */
class FastException extends \RuntimeException
{
    /**
     * @param string   $fastCode      the stable name of the kind, such as "FAST_E_TIMEOUT", the same in every language
     * @param int      $code          its number, negative
     * @param string   $endpoint      where it happened, as host:port or unix:/path, or ""
     * @param bool     $retriable     true if repeating the call cannot run it twice and could succeed
     * @param string   $remoteName    the name of the server's error, or ""
     * @param mixed    $info          the info of the server's error, decoded, or null
     * @param string   $causeName     what the failure of a call goes back to, by node-fast's name of the cause:
     *                                "FastServerError", "TimeoutError", "FastRequestAbandonedError", "FastTransportError" or
     *                                "FastProtocolError"; "" for what is no failure of a call
     * @param ?\stdClass $mergedInfo everything known about the failure of a call: the server's info, if it was the server's
     *                                error; `fastReason` and more of what the protocol found; `timeout` in milliseconds;
     *                                always `rpcMethod`, and `rpcMsgid` if the request got an id; null for what is no
     *                                failure of a call
     * @param string   $remoteMessage the message of the server's error, verbatim, or ""
     * @param mixed    $context       the member of that name of the server's error, decoded, or null: where older servers
     *                                put what newer ones put into the info
     * @param mixed    $aseErrors     its member `ase_errors`, usually a list of the errors behind it, decoded, or null
     */
    final public function __construct(
        public readonly string $fastCode,
        int $code,
        string $message,
        public readonly string $endpoint = '',
        public readonly bool $retriable = false,
        public readonly string $remoteName = '',
        public readonly mixed $info = null,
        public readonly string $causeName = '',
        public readonly ?\stdClass $mergedInfo = null,
        public readonly string $remoteMessage = '',
        public readonly mixed $context = null,
        public readonly mixed $aseErrors = null,
        ?\Throwable $previous = null,
    ) {
        parent::__construct($message, $code, $previous);
    }

    public function getFastCode(): string
    {
        return $this->fastCode;
    }

    /**
     * An exception of the class that belongs to a code.
     *
     * @internal
     */
    public static function of(int $code, string $message, mixed ...$more): self
    {
        // A newer library may know codes that this package does not.
        [$name, $class] = Codes::CLASSES[$code] ?? ["FAST_E_$code", self::class];

        return new $class($name, $code, $message, ...$more);
    }
}
