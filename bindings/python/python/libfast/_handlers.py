"""How a handler of each kind answers a request."""

import asyncio
import inspect
import json

from ._codec import dumps, loads
from ._errors import Error, RemoteError


class Context:
    """What a handler is told beside its arguments."""

    __slots__ = ("_request", "args")

    def __init__(self, request):
        self._request = request
        self.args = loads(request.args)

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
        _end(request, value)
    except BaseException as error:
        _fail(request, error)


async def run_async(handler, request):
    """Runs a coroutine function."""
    try:
        context = Context(request)
        _end(request, await handler(context, *context.args))
    except BaseException as error:
        _fail(request, error)


async def run_async_generator(handler, request, writable):
    """Runs an asynchronous generator; `writable` waits until its caller has caught up."""
    values = None
    try:
        context = Context(request)
        values = handler(context, *context.args)
        async for value in values:
            if value is not None and not request.send(_text(request, value)):
                await writable(request)
        request.end()
    except BaseException as error:
        _fail(request, error)
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
            if value is not None and not request.send(_text(request, value)):
                request.wait_writable()
    finally:
        values.close()


def _end(request, value):
    request.end(None if value is None else _text(request, value))


def _text(request, value):
    return dumps(value, f"a value of {request.method!r}")


def _fail(request, error):
    """Answers with an exception: its type's name and its text. The traceback stays here."""
    name, message, info = type(error).__name__, str(error), ""
    if isinstance(error, RemoteError):
        name, message = error.name, error.remote_message
        info = "" if error.info is None else _info(error.info)
    elif isinstance(error, Error):
        info = json.dumps({"code": error.code})
    elif isinstance(error, asyncio.CancelledError):
        message = message or "the server is stopping"
    try:
        request.fail(name, message, info)
    except Error:
        # The caller is gone, or was answered before: nobody to tell.
        pass


def _info(info):
    try:
        return json.dumps(info) if isinstance(info, dict) else json.dumps({"info": info})
    except (TypeError, ValueError):
        return json.dumps({"info": repr(info)})
