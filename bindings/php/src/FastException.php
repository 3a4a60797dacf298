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
     * @param string $fastCode   the stable name of the kind, such as "FAST_E_TIMEOUT", the same in every language
     * @param int    $code       its number, negative
     * @param string $endpoint   where it happened, as host:port or unix:/path, or ""
     * @param bool   $retriable  true if repeating the call cannot run it twice and could succeed
     * @param string $remoteName the name of the server's error, or ""
     * @param mixed  $info       the info of the server's error, decoded, or null
     */
    final public function __construct(
        public readonly string $fastCode,
        int $code,
        string $message,
        public readonly string $endpoint = '',
        public readonly bool $retriable = false,
        public readonly string $remoteName = '',
        public readonly mixed $info = null,
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
