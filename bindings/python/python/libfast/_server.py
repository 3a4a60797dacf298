"""The server."""

import asyncio
import signal
import threading
from queue import SimpleQueue

from . import _native
from ._dispatcher import Dispatcher, LoopThread
from ._errors import make
from ._handlers import kind_of
from ._loop import LoopQueue
from ._options import config, document


class Server:
    """Serves methods: functions, generators, and the asynchronous ones.

    ::

        server = libfast.Server(announce="calc")

        @server.method("add")
        def add(ctx, a, b):
            return {"sum": a + b}

        server.run()

    A handler gets a context (``method``, ``peer``, ``args``, ``cancelled``) and the arguments. What it returns is the
    last value, what it yields are values; None is no value. An exception is the caller's RemoteError, with the name of
    its type; a RemoteError is passed on as it is.

    Functions and generators run on ``threads`` threads (default 8) and may block. Asynchronous ones run on the loop of
    ``serve`` or ``async with``, else on a loop and thread of the server's own; they must not block.

    A server is of no use in a forked child, and cannot be pickled.
    """

    def __init__(self, *, threads=8, **options):
        if not isinstance(threads, int) or threads < 1:
            raise make("FAST_E_INVALID", f'option "threads": {threads!r} is not a whole number from 1 on')
        self._native = _native.Server(config(options))
        self._queue = _native.Queue()
        self._threads = threads
        self._handlers = {}
        self._lock = threading.Lock()
        self._dispatcher = None
        # Who waits in `run` is told here: safe in a signal handler, unlike an event.
        self._ending = SimpleQueue()
        self._ended = None
        self._drain_ms = None
        self._stopped = False
        self._generation = _native.fork_generation()
        self.address = None

    def method(self, name):
        """Makes a function the handler of a method, as a decorator."""

        def add(handler):
            tag = len(self._handlers) + 1
            self._handlers[tag] = handler, *kind_of(handler)
            self._native.handle(name, self._queue, tag)
            return handler

        return add

    def start(self):
        """Listens, announces the server if it has ``announce``, and returns its address. Serves in the background."""
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
        """Takes itself off the registry, waits at most ``drain_ms`` (default: the option) for running requests, cancels
        what runs then, and closes. A second time does nothing.

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
        loop = asyncio.get_running_loop()
        self._dispatch_on(loop, None)
        self._ended = loop.create_future()
        try:
            self._dispatcher.watch()
            queue = LoopQueue.running()
            self.address = await queue.answer(self._native.start(queue.native))
        except BaseException:
            self._dismantle()
            raise
        return self

    async def __aexit__(self, *exception):
        if not self._stopped:
            queue = LoopQueue.running()
            try:
                await queue.answer(self._native.stop(self._drain_ms, queue.native))
            finally:
                self._dismantle()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        # In a child that was forked inside the block it is the parent's to stop.
        if self._generation == _native.fork_generation():
            self.stop()

    def __reduce__(self):
        raise TypeError("a server cannot be pickled or copied")

    def _dispatch_on(self, loop, thread):
        with self._lock:
            if self._dispatcher is not None:
                raise make("FAST_E_STATE", "the server was started before")
            self._dispatcher = Dispatcher(self._queue, self._handlers, loop, thread, self._threads)

    def _end_serving(self):
        if not self._ended.done():
            self._ended.set_result(None)

    def _dismantle(self):
        self._stopped = True
        self.address = None
        self._dispatcher.close()


document(Server, "server")
