"""Client and server for asyncio: the same names, awaited. Loops that have `add_reader` will do, such as uvloop's."""

import asyncio
from collections import deque

from ._aio_server import Server
from ._base import BaseAnnounced, BaseClient, Buffered, Pick, checked_max
from ._loop import DATA, LoopQueue
from ._options import config, settings, whole, window
from . import _native
from ._native import loads

__all__ = ["Announced", "Client", "Server", "Stream", "announce"]


class Client(BaseClient):
    """Calls the methods of a service, balanced over its servers. Loops and threads may share it.

    As ``libfast.Client``. A call whose task is cancelled is abandoned: the server is not told and goes on.
    """

    async def call(self, method, args=(), /, **options):
        """Calls and returns the list of all values. ``args`` is a list; bytes are its JSON text."""
        reply = self._native().ask(method, args, settings(options))
        try:
            return await reply
        except BaseException:
            reply.abandon()
            raise

    async def call_buffered(self, method, args=(), /, *, max_values, **options):
        """Calls, keeps the first ``max_values`` values and counts all; for those who want to know what came before an
        error, or how much there is. Returns a `libfast.Buffered`; an error of the call is in it instead of being raised."""
        reply = self._native().ask(method, args, settings(options), checked_max(max_values))
        try:
            return Buffered.of(*await reply)
        except BaseException:
            reply.abandon()
            raise

    def stream(self, method, args=(), /, **options):
        """Calls and returns an asynchronous iterator of the values as they come. Dropping it abandons the call.

        At most ``window`` values wait for the program; when it takes them, more are fetched.
        """
        call_settings = settings(options)
        stream = Stream(window(call_settings, self._options))
        stream._native = self._native().start(method, args, call_settings, stream._inbox.sink)
        return stream

    async def ready(self, timeout_ms=5000):
        """Waits until a server is known and connected."""
        queue = LoopQueue.running()
        await queue.answer(self._native().ready(timeout_ms, queue.native))

    async def pick(self):
        """Chooses an endpoint for a call over another protocol."""
        queue = LoopQueue.running()
        return Pick(await queue.answer(self._native().pick(queue.native)))

    async def close(self, drain_ms=0):
        """Refuses new calls and waits at most ``drain_ms`` for those under way; what is under way then fails with
        ClosedError. A second time does nothing."""
        queue = LoopQueue.running()
        job = None if self._closed else self._close(drain_ms, queue.native)
        if job is not None:
            await queue.answer(job)

    aclose = close

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.close()


class _Inbox:
    """What came and was not taken yet. Apart from the stream, so that the queue does not keep the stream alive."""

    def __init__(self):
        self.values = deque()
        self.over = False
        self.error = None
        self.waiter = None

    def sink(self, kind, text, error):
        if kind == DATA:
            self.values.append(text)
        else:
            self.over, self.error = True, error
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Stream:
    """The values of a call as they come. When it is dropped, as by ``break``, the call is abandoned."""

    def __init__(self, window):
        self._inbox = _Inbox()
        self._native = None
        self._taken = 0
        # Granting for each value would wake the library for each.
        self._batch = max(1, window // 2)

    def __aiter__(self):
        return self

    async def __anext__(self):
        inbox = self._inbox
        while not inbox.values:
            if inbox.over:
                self._native = None
                error, inbox.error = inbox.error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            if inbox.waiter is not None:
                raise RuntimeError("two tasks wait for one stream")
            inbox.waiter = asyncio.get_running_loop().create_future()
            try:
                await inbox.waiter
            finally:
                inbox.waiter = None
        text = inbox.values.popleft()
        self._taken += 1
        if self._taken == self._batch and self._native is not None:
            self._taken = 0
            self._native.grant(self._batch)
        return loads(text)

    def abandon(self):
        """Stops waiting. A task that waits for a value gets AbandonedError; from then on the stream is at its end."""
        call, self._native = self._native, None
        if call is None:
            return
        call.abandon()
        if self._inbox.waiter is None:
            self._inbox = _Inbox()
            self._inbox.over = True

    async def aclose(self):
        """As `abandon`."""
        self.abandon()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        self.abandon()

    def __reduce__(self):
        raise TypeError("a stream cannot be pickled or copied")


class Announced(BaseAnnounced):
    """As ``libfast.Announced``, with an awaited `withdraw`."""

    async def set_weight(self, weight):
        """Gives it another share of calls, from 0 (no new calls) to 1,000,000, and waits until that is listed."""
        queue = LoopQueue.running()
        await queue.answer(self._native.set_weight(whole("weight", weight), queue.native))

    async def withdraw(self):
        """Takes it off and waits until the registry has. A second time does nothing."""
        queue = LoopQueue.running()
        await queue.answer(self._native.withdraw(queue.native))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.withdraw()


async def announce(**options):
    """As ``libfast.announce``."""
    queue = LoopQueue.running()
    return Announced(await queue.answer(_native.announce(config(options), queue.native)))
