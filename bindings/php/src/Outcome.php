<?php

declare(strict_types=1);

namespace Fast;

/** How a call ended, for the interceptors of its client. */
final class Outcome
{
    /**
     * @internal
     *
     * @param int         $values   how many values there were
     * @param ?\Throwable $error    why it failed, if it did
     * @param string      $endpoint where the last attempt went, as host:port or unix:/path; "" if none was made
     * @param int         $attempts how often it was tried; 0 if an interceptor ended it
     * @param float       $seconds  from its beginning to its end
     */
    public function __construct(
        public readonly int $values,
        public readonly ?\Throwable $error,
        public readonly string $endpoint,
        public readonly int $attempts,
        public readonly float $seconds,
    ) {
    }
}
