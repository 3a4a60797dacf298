"""The server for asyncio: the same names, awaited."""

import asyncio

from ._base_server import BaseServer
from ._loop import LoopQueue
from ._options import whole


class Server(BaseServer):
    """Serves methods on the running loop: as ``libfast.Server``, with ``start``, ``stop`` and waits awaited.

    ::

        async with libfast.aio.Server(announce="calc") as server:
            ...

    Functions and generators run on ``threads`` threads (default 8) and may block; asynchronous ones run on the loop and
    must not.
    """

    def __init__(self, *, threads=8, **options):
        super().__init__(threads=threads, **options)
        self._turn = asyncio.Lock()

    async def start(self):
        """Listens, announces the server if it has ``announce``, and returns its address. Serves in the background, also
        while its registry cannot be reached; it is listed when that answers."""
        await self._start_on_loop()
        return self.address

    async def announce(self):
        """Announces a server that was started with ``announce_at_start=False``, now that it is ready for calls. Waits until
        it is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed when that
        answers. A second time does nothing."""
        queue = LoopQueue.running()
        await queue.answer(self._native.announce(queue.native))

    async def set_weight(self, weight):
        """Gives the server another share of calls, from 0 (no new calls) to 1,000,000. Waits until that is listed; before
        the server is announced it does not wait."""
        queue = LoopQueue.running()
        await queue.answer(self._native.set_weight(whole("weight", weight), queue.native))

    async def set_metadata(self, metadata):
        """Says something else of the server, in place of all that was said: text as of the option ``metadata``, empty for
        nothing. Waits as `set_weight` does."""
        queue = LoopQueue.running()
        await queue.answer(self._native.set_metadata(metadata, queue.native))

    async def stop(self, drain_ms=None):
        """Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the
        option ``drain_grace_ms``), accepts no more connections, and answers what runs. Takes at most ``drain_ms`` (default:
        the option) in all; what runs then is cancelled. A second time does nothing."""
        if self._dispatcher is None:
            return
        async with self._turn:
            if not self._stopped:
                await self._stop_on_loop(drain_ms)
        self._end_serving()

    async def stop_accepting(self):
        """Tells clients and the registry, serves on while calls still come, and accepts no more connections.
        Those that are open go on being served, until they end or `stop` is called."""
        queue = LoopQueue.running()
        await queue.answer(self._native.stop_accepting(queue.native))

    async def wait_connections_closed(self, timeout_ms=None):
        """Waits until no connection is open, at most ``timeout_ms``; None is no limit. False: some are open still."""
        queue = LoopQueue.running()
        closed = queue.answer(self._native.connections_closed(queue.native))
        try:
            await asyncio.wait_for(closed, None if timeout_ms is None else timeout_ms / 1000)
        except asyncio.TimeoutError:
            return False
        return True

    async def serve(self):
        """Starts, serves until `stop` or until it is cancelled, and stops."""
        async with self:
            await self._ended

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *exception):
        await self.stop()
