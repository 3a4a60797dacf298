"""The server for threads that may wait."""

import asyncio
import signal
from queue import SimpleQueue

from . import _native
from ._base_server import BaseServer
from ._dispatcher import LoopThread
from ._errors import make
from ._options import whole


class Server(BaseServer):
    """Serves methods: functions, generators, and the asynchronous ones.

    ::

        server = libfast.Server(announce="calc")

        @server.method("add")
        def add(ctx, a, b):
            return {"sum": a + b}

        server.run()

    A handler gets a context (see `Context`) and the arguments. What it returns is the
    last value, what it yields are values; None is no value. An exception is the caller's RemoteError, with the name of
    its type; a RemoteError is passed on as it is.

    While a caller is slow, generators wait where they yield, and answers before they are sent.

    Functions and generators run on ``threads`` threads (default 8) and may block. Asynchronous ones run on the loop of
    ``serve`` or ``async with``, else on a loop and thread of the server's own; they must not block. For programs of asyncio
    there is ``libfast.aio.Server``, too.

    A server is of no use in a forked child, and cannot be pickled.
    """

    def __init__(self, *, threads=8, **options):
        super().__init__(threads=threads, **options)
        # Who waits in `run` is told here: safe in a signal handler, unlike an event.
        self._ending = SimpleQueue()
        self._drain_ms = None

    def announce(self):
        """Announces a server that was started with ``announce_at_start=False``, now that it is ready for calls. Waits until
        it is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed when that
        answers. A second time does nothing."""
        self._must_not_serve_here()
        self._native.announce().wait()

    def set_weight(self, weight):
        """Gives the server another share of calls, from 0 (no new calls) to 1,000,000. Waits until that is listed; before
        the server is announced it does not wait."""
        self._must_not_serve_here()
        self._native.set_weight(whole("weight", weight)).wait()

    def set_metadata(self, metadata):
        """Says something else of the server, in place of all that was said: text as of the option ``metadata``, empty for
        nothing. Waits as `set_weight` does."""
        self._must_not_serve_here()
        self._native.set_metadata(metadata).wait()

    def start(self):
        """Listens, announces the server if it has ``announce``, and returns its address. Serves in the background, also
        while its registry cannot be reached; it is listed when that answers."""
        thread = LoopThread()
        self._dispatch_on(thread.loop, thread)
        try:
            thread.call(self._dispatcher.watch)
            self.address = self._native.start().wait()
        except BaseException:
            self._dismantle()
            raise
        return self.address

    def stop(self, drain_ms=None):
        """Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the
        option ``drain_grace_ms``), accepts no more connections, and answers what runs. Takes at most ``drain_ms`` (default:
        the option) in all; what runs then is cancelled. A second time does nothing.

        In ``serve`` and ``async with``, where waiting would hold up the loop, it returns at once and makes ``serve``
        stop so.
        """
        dispatcher = self._dispatcher
        if dispatcher is None:
            self._ending.put(None)
        elif dispatcher.thread is None:
            self._drain_ms = drain_ms
            dispatcher.loop.call_soon_threadsafe(self._end_serving)
        elif dispatcher.thread.is_current():
            raise make("FAST_E_DEADLOCK", "an asynchronous handler cannot wait for its own server to stop")
        else:
            with self._lock:
                if not self._stopped:
                    try:
                        self._native.stop(drain_ms).wait()
                    finally:
                        self._dismantle()
            self._ending.put(None)

    def stop_accepting(self):
        """Tells clients and the registry, serves on while calls still come, and accepts no more connections.
        Those that are open go on being served, until they end or `stop` is called."""
        self._must_not_serve_here()
        self._native.stop_accepting().wait()

    def wait_connections_closed(self, timeout_ms=None):
        """Waits until no connection is open, at most ``timeout_ms``; None is no limit. False: some are open still."""
        self._must_not_serve_here()
        return self._native.wait_connections_closed(timeout_ms)

    def run(self, started=None):
        """Starts, serves until SIGTERM, SIGINT or `stop`, and stops. For the main thread.

        ``started`` is called with the address once it serves; from then on, too, a signal stops it in order.
        """
        before = {}
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                before[number] = signal.signal(number, lambda *_: self._ending.put(None))
            address = self.start()
            if started is not None:
                started(address)
            self._ending.get()
            self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def serve(self):
        """Starts on the running loop, serves until `stop` or until it is cancelled, and stops."""
        async with self:
            await self._ended

    async def __aenter__(self):
        await self._start_on_loop()
        return self

    async def __aexit__(self, *exception):
        if not self._stopped:
            await self._stop_on_loop(self._drain_ms)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        # In a child that was forked inside the block it is the parent's to stop.
        if self._generation == _native.fork_generation():
            self.stop()

    def _must_not_serve_here(self):
        """Refuses to hold up the loop that serves, on which the wait may depend."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._dispatcher is not None and loop is self._dispatcher.loop:
            raise make("FAST_E_DEADLOCK", "this would hold up the loop that serves; use libfast.aio.Server, and await it")
