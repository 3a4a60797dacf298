<?php

// Derived from include/fast.h by core/codegen; do not edit.

declare(strict_types=1);

namespace Fast;

/** The numbers of the C ABI. */
final class Codes
{
    public const VERSION_MAJOR = 0;
    public const VERSION_MINOR = 1;
    public const VERSION_PATCH = 0;
    public const OK = 0;
    public const END = 1;
    public const AGAIN = 2;
    public const E_INVALID = -1;
    public const E_NULL = -2;
    public const E_TIMEOUT = -3;
    public const E_ABANDONED = -4;
    public const E_CLOSED = -5;
    public const E_CONNECT = -6;
    public const E_CONN_LOST = -7;
    public const E_NO_ENDPOINT = -8;
    public const E_REMOTE = -9;
    public const E_PROTOCOL = -10;
    public const E_TOO_LARGE = -11;
    public const E_OVERLOAD = -12;
    public const E_FORKED = -13;
    public const E_DEADLOCK = -14;
    public const E_STATE = -15;
    public const E_INTERRUPTED = -16;
    public const E_REGISTRY = -17;
    public const E_NOMEM = -18;
    public const E_UNSUPPORTED = -19;
    public const E_PANIC = -99;
    public const CALL_IDEMPOTENT = 1;
    public const CALL_NOT_IDEMPOTENT = 4;
    public const CALL_COLLECT = 2;
    public const CALL_IGNORE_NULL_VALUES = 8;
    public const CALL_REFUSE_NULL_VALUES = 16;
    public const CALL_HEDGE = 32;
    public const CALL_NO_HEDGE = 64;
    public const CALL_WAIT_FOR_READY = 128;
    public const CALL_FAIL_FAST = 256;
    public const EV_DATA = 1;
    public const EV_DONE = 2;
    public const EV_REQUEST = 3;
    public const EV_CANCELLED = 4;
    public const EV_WRITABLE = 5;
    public const EV_WAKE = 6;
    public const EV_ANNOUNCEMENT = 7;

    /** Code to the class of its exception. */
    public const CLASSES = [
        -1 => ['FAST_E_INVALID', InvalidException::class],
        -2 => ['FAST_E_NULL', InvalidException::class],
        -3 => ['FAST_E_TIMEOUT', TimeoutException::class],
        -4 => ['FAST_E_ABANDONED', AbandonedException::class],
        -5 => ['FAST_E_CLOSED', ClosedException::class],
        -6 => ['FAST_E_CONNECT', ConnectException::class],
        -7 => ['FAST_E_CONN_LOST', ConnectionLostException::class],
        -8 => ['FAST_E_NO_ENDPOINT', NoEndpointException::class],
        -9 => ['FAST_E_REMOTE', RemoteException::class],
        -10 => ['FAST_E_PROTOCOL', ProtocolException::class],
        -11 => ['FAST_E_TOO_LARGE', TooLargeException::class],
        -12 => ['FAST_E_OVERLOAD', OverloadException::class],
        -13 => ['FAST_E_FORKED', ForkedException::class],
        -14 => ['FAST_E_DEADLOCK', StateException::class],
        -15 => ['FAST_E_STATE', StateException::class],
        -16 => ['FAST_E_INTERRUPTED', InterruptedException::class],
        -17 => ['FAST_E_REGISTRY', RegistryException::class],
        -18 => ['FAST_E_NOMEM', NoMemoryException::class],
        -19 => ['FAST_E_UNSUPPORTED', UnsupportedException::class],
        -99 => ['FAST_E_PANIC', PanicException::class],
    ];
}
