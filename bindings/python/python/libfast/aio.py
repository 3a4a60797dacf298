"""Client and server for asyncio: the same names, awaited. Loops that have `add_reader` will do, such as uvloop's."""

import asyncio
from collections import deque

from ._aio_server import Server
from ._base import BaseAnnounced, BaseClient, Buffered, Pick, checked_max, states
from ._loop import DATA, LoopQueue
from ._errors import Error
from ._options import config, settings, whole, window
from ._outgoing import abandoned, passed_async
from . import _native
from ._native import loads

__all__ = ["Announced", "Client", "Server", "Stream", "announce"]


class Client(BaseClient):
    """Calls the methods of a service, balanced over its servers. Loops and threads may share it.

    As ``libfast.Client``. A call whose task is cancelled is abandoned: the server is not told and goes on.
    """

    async def call(self, method, args=(), /, **options):
        """Calls and returns the list of all values. ``args`` is a list; bytes are its JSON text."""
        if self._interceptors:
            return await self._seen_call(method, args, options, None)
        reply = self._native().ask(method, args, settings(options))
        try:
            return await reply
        except BaseException:
            reply.abandon()
            raise

    async def call_buffered(self, method, args=(), /, *, max_values, **options):
        """Calls, keeps the first ``max_values`` values and counts all; for those who want to know what came before an
        error, or how much there is. Returns a `libfast.Buffered`; an error of the call is in it instead of being raised."""
        if self._interceptors:
            return await self._seen_call(method, args, options, checked_max(max_values))
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
        if self._interceptors:
            return SeenStream(self, method, args, options)
        call_settings = settings(options)
        stream = Stream(window(call_settings, self._options))
        stream._native = self._native().start(method, args, call_settings, stream._inbox.sink)
        return stream

    async def _seen_call(self, method, args, options, most):
        """All values, or as a `Buffered` the first ``most``, of a call that interceptors see."""
        try:
            call = await passed_async(self, method, args, options)
        except Error as error:
            if most is None:
                raise
            return Buffered([], 0, error)
        reply = None
        try:
            if call.answered:
                values = call.given if most is None else call.given[:most]
                count, error = len(call.given), None
            else:
                reply = self._native().ask(method, call.args, settings(call.options), most)
                values, count, error = Buffered.of(*await reply) if most is not None else (await reply, None, None)
        except BaseException as error:
            call.over(error, reply)
            if reply is not None:
                reply.abandon()
            raise
        for value in values:
            call.saw(value)
        call.over(error, reply, count)
        return values if most is None else Buffered(values, count, error)

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


class SeenStream(Stream):
    """The values of a call that interceptors see. It goes through them when the first value is asked for."""

    def __init__(self, client, method, args, options):
        super().__init__(1)
        self._begin = client, method, args, options
        self._call = None
        self._given = None

    async def __anext__(self):
        if self._begin is not None:
            await self._start()
        call, native = self._call, self._native
        if call is None:
            raise StopAsyncIteration
        try:
            if native is not None:
                value = await super().__anext__()
            elif self._given:
                value = self._given.popleft()
            else:
                raise StopAsyncIteration
        except asyncio.CancelledError:
            # Who waited was cancelled; the stream goes on.
            raise
        except BaseException as error:
            self._call = None
            call.over(None if isinstance(error, StopAsyncIteration) else error, native)
            raise
        call.saw(value)
        return value

    async def _start(self):
        (client, method, args, options), self._begin = self._begin, None
        call = await passed_async(client, method, args, options)
        if call.answered:
            self._given = deque(call.given)
        else:
            try:
                call_settings = settings(call.options)
                many = window(call_settings, client._options)
                self._batch = max(1, many // 2)
                self._native = client._native().start(method, call.args, call_settings, self._inbox.sink)
            except BaseException as error:
                call.over(error, None)
                raise
        self._call = call

    def abandon(self):
        (call, self._call), native = (self._call, None), self._native
        self._begin = None
        if call is not None:
            call.over(abandoned(), native)
        super().abandon()

    async def aclose(self):
        self.abandon()

    def __del__(self):
        self.abandon()


class Announced(BaseAnnounced):
    """As ``libfast.Announced``, with an awaited `withdraw`."""

    def on_announcement(self, hear):
        """Calls ``hear(state, error)`` for each change of `state` from now on, on the running loop; ``error`` tells why it
        is not listed, else it is None. Usable as a decorator."""
        loop = asyncio.get_running_loop()
        queue = self._watched(hear)

        def drain():
            for state, error in states(queue):
                # By itself, so that what it raises goes where the loop's exceptions go.
                loop.call_soon(hear, state, error)
                if state == "closed":
                    loop.remove_reader(queue.fd)

        loop.add_reader(queue.fd, drain)
        return hear

    async def set_weight(self, weight):
        """Gives it another share of calls, from 0 (no new calls) to 1,000,000, and waits until that is listed."""
        queue = LoopQueue.running()
        await queue.answer(self._native.set_weight(whole("weight", weight), queue.native))

    async def set_metadata(self, metadata):
        """Says something else of the server, in place of all that was said: text as of the option ``metadata``, empty for
        nothing. Waits until that is listed."""
        queue = LoopQueue.running()
        await queue.answer(self._native.set_metadata(metadata, queue.native))

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
