"""How a request goes through the interceptors of its server."""

import asyncio
import inspect
import json

from ._errors import BY_CODE, Error, RemoteError
from ._handlers import Context, fail, run_async_generator, run_sync
from ._interceptors import IncomingCall

_ClosedError = BY_CODE["FAST_E_CLOSED"]
_TooLargeError, _InvalidError = BY_CODE["FAST_E_TOO_LARGE"], BY_CODE["FAST_E_INVALID"]


def run_through(interceptors, loop, run, handler, request):
    """Runs the handler, on a thread that may block, unless an interceptor keeps the request from it."""
    seen = _Seen(request)
    try:
        for interceptor in interceptors:
            waiting = interceptor(seen.call)
            if inspect.isawaitable(waiting):
                asyncio.run_coroutine_threadsafe(_awaited(waiting), loop).result()
            if seen.call.answered:
                return run_sync(_given(seen.call), seen)
    except BaseException as error:
        return fail(seen, error)
    run(handler, seen)


async def run_through_async(interceptors, run, handler, request, writable):
    """The same on the loop; `writable` waits until the caller has caught up."""
    seen = _Seen(request)
    try:
        for interceptor in interceptors:
            waiting = interceptor(seen.call)
            if inspect.isawaitable(waiting):
                await waiting
            if seen.call.answered:
                return await run_async_generator(_given_async(seen.call), seen, writable)
    except BaseException as error:
        return fail(seen, error)
    await run(handler, seen, writable)


async def _awaited(waiting):
    return await waiting


def _given(call):
    def give(ctx, *args):
        yield from call.given

    return give


def _given_async(call):
    async def give(ctx, *args):
        for value in call.given:
            yield value

    return give


class _Seen:
    """A request whose answer interceptors are told of."""

    def __init__(self, request):
        self._request = request
        # Parsed once: the handler's context asks for them, too.
        self.args = request.args
        self.call = IncomingCall(Context(self))

    def __getattr__(self, name):
        return getattr(self._request, name)

    def send(self, value):
        more = self._request.send(value)
        self.call.saw(value)
        return more

    def end(self, *last):
        try:
            self._request.end(*last)
        except _ClosedError as gone:
            self.call.ended(gone, self.peer, 1)
            raise
        for value in last:
            self.call.saw(value)
        self.call.ended(None, self.peer, 1)

    def fail(self, name, message, info, context, ase_errors):
        said = [json.loads(text) if text else None for text in (info, context, ase_errors)]
        error = RemoteError(message, name=name, info=said[0], context=said[1], ase_errors=said[2])
        try:
            self._request.fail(name, message, info, context, ase_errors)
        except (_TooLargeError, _InvalidError):
            # It is about to be told with fewer words.
            raise
        except Error as gone:
            self.call.ended(gone, self.peer, 1)
            raise
        self.call.ended(error, self.peer, 1)
