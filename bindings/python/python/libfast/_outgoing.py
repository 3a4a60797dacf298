"""How a call goes through the interceptors of its client."""

import inspect

from ._errors import make
from ._interceptors import OutgoingCall


def passed(client, method, args, options):
    """The call, once its interceptors have seen it."""
    call = OutgoingCall(client.target, method, args, options)
    try:
        for interceptor in client._interceptors:
            waiting = interceptor(call)
            if inspect.isawaitable(waiting):
                if inspect.iscoroutine(waiting):
                    waiting.close()
                raise make("FAST_E_INVALID", f"{interceptor!r} is asynchronous; only libfast.aio.Client takes such")
            if call.answered:
                break
    except BaseException as error:
        call.over(error, None)
        raise
    return call


async def passed_async(client, method, args, options):
    """As `passed`, with interceptors that may be asynchronous."""
    call = OutgoingCall(client.target, method, args, options)
    try:
        for interceptor in client._interceptors:
            waiting = interceptor(call)
            if inspect.isawaitable(waiting):
                await waiting
            if call.answered:
                break
    except BaseException as error:
        call.over(error, None)
        raise
    return call


def abandoned():
    """What interceptors are told of a call whose caller left."""
    return make("FAST_E_ABANDONED", "the call was abandoned by its caller", "FastRequestAbandonedError")
