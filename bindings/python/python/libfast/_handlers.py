"""How a handler of each kind answers a request."""

import asyncio
import inspect
import json

from ._errors import BY_CODE, Error, RemoteError

_OverloadError, _TooLargeError = BY_CODE["FAST_E_OVERLOAD"], BY_CODE["FAST_E_TOO_LARGE"]
_InvalidError = BY_CODE["FAST_E_INVALID"]


class Context:
    """What a handler is told beside its arguments."""

    __slots__ = ("_request", "args")

    def __init__(self, request):
        self._request = request
        self.args = request.args

    @property
    def method(self):
        """The name of the method."""
        return self._request.method

    @property
    def peer(self):
        """The caller's address."""
        return self._request.peer

    @property
    def cancelled(self):
        """True once nobody waits for the answer any more: the caller is gone, or the server is stopping."""
        return self._request.cancelled

    @property
    def half_closed(self):
        """True once the caller has ended its side of the connection: it may be gone, which shows when something is sent
        to it, or read on and wait for the answer."""
        return self._request.half_closed

    @property
    def remaining(self):
        """How many seconds the caller goes on waiting, 0 once it has stopped; None if it does not say. Give it to the calls
        that the answer depends on, as their timeout."""
        return self._request.remaining


def kind_of(handler):
    """The function of this module that runs it, and whether it needs the event loop."""
    functions = (handler, getattr(handler, "__call__", None))
    if any(map(inspect.isasyncgenfunction, functions)):
        return run_async_generator, True
    if any(map(inspect.iscoroutinefunction, functions)):
        return run_async, True
    return run_sync, False


def run_sync(handler, request):
    """Runs a function or a generator, on a thread that may block."""
    try:
        context = Context(request)
        value = handler(context, *context.args)
        if inspect.isgenerator(value):
            value = _send_all(value, request)
        if value is None:
            request.end()
        else:
            _insist(request, request.end, value)
    except BaseException as error:
        fail(request, error)


async def run_async(handler, request, writable):
    """Runs a coroutine function; `writable` waits until its caller has caught up."""
    try:
        context = Context(request)
        value = await handler(context, *context.args)
        if value is None:
            request.end()
        else:
            await _insist_async(request, request.end, value, writable)
    except BaseException as error:
        fail(request, error)


async def run_async_generator(handler, request, writable):
    """Runs an asynchronous generator; `writable` waits until its caller has caught up."""
    values = None
    try:
        context = Context(request)
        values = handler(context, *context.args)
        async for value in values:
            if value is None:
                continue
            if not await _insist_async(request, request.send, value, writable):
                await writable(request)
        request.end()
    except BaseException as error:
        fail(request, error)
        # When the loop itself is gone nothing can be awaited any more.
        if values is not None and not isinstance(error, GeneratorExit):
            await values.aclose()


def _send_all(values, request):
    """Sends what a generator yields, and returns what it returns."""
    try:
        while True:
            try:
                value = next(values)
            except StopIteration as end:
                return end.value
            if value is not None and not _insist(request, request.send, value):
                request.wait_writable()
    finally:
        values.close()


def _insist(request, send, value):
    """Sends, once there is room: all requests of a connection share what may wait for a slow caller."""
    while True:
        try:
            return send(value)
        except _OverloadError:
            request.wait_writable()


async def _insist_async(request, send, value, writable):
    while True:
        try:
            return send(value)
        except _OverloadError:
            await writable(request)


def fail(request, error):
    """Answers with an exception: its type's name and its text. The traceback stays here."""
    name, message, more = type(error).__name__, _shown(error), ("", "", "")
    if isinstance(error, Error) and error.name:
        name, message = _shown(error.name), _shown(error.remote_message)
        info = error.info if isinstance(error.info, (dict, type(None))) else {"info": error.info}
        more = _json(info, dict), _json(error.context), _json(error.ase_errors)
    elif isinstance(error, Error):
        more = json.dumps({"code": error.code}), "", ""
    elif isinstance(error, asyncio.CancelledError):
        message = message or "the server is stopping"
    try:
        try:
            request.fail(name, message, *more)
        except (_TooLargeError, _InvalidError):
            # What it says of itself is too much, or nested too deeply, for a message.
            request.fail(name[:_SHORT], message[:_SHORT], "", "", "")
    except Error:
        # The caller is gone, or was answered before: nobody to tell.
        pass


_SHORT = 1000


def _shown(value, how=str):
    try:
        # A lone surrogate is no UTF-8.
        return how(value).encode(errors="backslashreplace").decode()
    except Exception:
        return f"a {type(value).__name__} that cannot be shown"


def _json(value, kind=object):
    """The JSON text of a value, if need be of its `repr`; nothing for None. For a `dict` it is that of an object."""
    if value is None:
        return ""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = _shown(value, repr)
        return json.dumps({"info": text} if kind is dict else text)
