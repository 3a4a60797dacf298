<?php

// Derived from core/model/src/error_kind.rs by core/codegen; do not edit.

declare(strict_types=1);

namespace Fast;

/**
 * FAST_E_INVALID: An argument, option or target is malformed. Correct the value that the message names.
 * FAST_E_NULL: A pointer that must not be NULL is NULL. Pass the object that the message names; check that its creation succeeded.
 */
class InvalidException extends FastException
{
}

/**
 * FAST_E_TIMEOUT: The call's time ran out before its last message. Raise `timeout_ms`, or find out why the method is slow.
 */
class TimeoutException extends FastException
{
}

/**
 * FAST_E_ABANDONED: The caller stopped waiting; the server may go on. Nothing: the program asked for it.
 */
class AbandonedException extends FastException
{
}

/**
 * FAST_E_CLOSED: The client, server or request was closed before. Use an object only until it is closed.
 */
class ClosedException extends FastException
{
}

/**
 * FAST_E_CONNECT: No connection could be made. Check the address in the message and that a server listens there.
 */
class ConnectException extends FastException
{
}

/**
 * FAST_E_CONN_LOST: The connection broke while the call was running. Mark the call `idempotent` if repeating it is harmless; look at the server.
 */
class ConnectionLostException extends FastException
{
}

/**
 * FAST_E_NO_ENDPOINT: The service has no provider. Start a server that announces the service, or correct the target.
 */
class NoEndpointException extends FastException
{
}

/**
 * FAST_E_REMOTE: The server answered with an error. Read the remote name, message and info.
 */
class RemoteException extends FastException
{
}

/**
 * FAST_E_PROTOCOL: The peer sent something that is not Fast. Check that the address belongs to a Fast server and that nothing in between changes bytes.
 */
class ProtocolException extends FastException
{
}

/**
 * FAST_E_TOO_LARGE: A message is larger than allowed. Send less, or raise `max_frame_bytes` on both sides.
 */
class TooLargeException extends FastException
{
}

/**
 * FAST_E_OVERLOAD: A bounded queue is full; nothing was run. Retry later, add servers, or raise the bound that the message names.
 */
class OverloadException extends FastException
{
}

/**
 * FAST_E_FORKED: The object was made before fork() and is used in the child. Make clients and servers after the fork.
 */
class ForkedException extends FastException
{
}

/**
 * FAST_E_DEADLOCK: A blocking function was called where it would wait for itself. Call it from a thread of your own, not from a dispatcher of the same queue.
 * FAST_E_STATE: The call is not allowed in this state, such as a second end of one request. End each request once; start each server once.
 */
class StateException extends FastException
{
}

/**
 * FAST_E_INTERRUPTED: A wait was interrupted by a signal handler of the host. Repeat the wait or give up.
 */
class InterruptedException extends FastException
{
}

/**
 * FAST_E_REGISTRY: The registry refused or cannot be reached. Check the folder or the ZooKeeper address that the message names, and the permissions.
 */
class RegistryException extends FastException
{
}

/**
 * FAST_E_NOMEM: The system has no memory or descriptors left. Raise the limits, or hold fewer objects at once.
 */
class NoMemoryException extends FastException
{
}

/**
 * FAST_E_UNSUPPORTED: This build or platform does not have the feature. Use a build with the feature that the message names.
 */
class UnsupportedException extends FastException
{
}

/**
 * FAST_E_PANIC: A defect in libfast, or in the interceptor that the message names; the call failed, the process is intact. Report it with the message, or mend the interceptor.
 */
class PanicException extends FastException
{
}
