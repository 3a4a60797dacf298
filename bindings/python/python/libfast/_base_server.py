"""What the servers for threads and for asyncio share."""

import asyncio
import json
import threading

from . import _native
from ._base import checked_hearer
from ._dispatcher import Dispatcher
from ._errors import make
from ._handlers import kind_of
from ._loop import LoopQueue
from ._options import config, document


class BaseServer:
    """Keeps the methods, and starts and stops on a running loop."""

    def __init__(self, *, threads=8, **options):
        if not isinstance(threads, int) or threads < 1:
            raise make("FAST_E_INVALID", f'option "threads": {threads!r} is not a whole number from 1 on')
        self._native = _native.Server(config(options))
        self._queue = _native.Queue()
        self._threads = threads
        self._handlers = {}
        self._interceptors = []
        self._hearers = []
        self._lock = threading.Lock()
        self._dispatcher = None
        self._ended = None
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

    def intercept(self, interceptor):
        """Has requests that come from now on go through ``interceptor(call)`` before their handlers, behind those that
        were installed before; see `IncomingCall`. It runs where the handler does, and may be asynchronous. What it
        raises is the caller's error. As a decorator it gives the function back."""
        self._interceptors.append(interceptor)
        return interceptor

    @property
    def announcement(self):
        """How the server's entry in its registry is: ``registered``, ``connecting``, ``suspended`` (listed when last heard of),
        ``lost``, or ``closed`` if there is none."""
        return self._native.announcement

    def on_announcement(self, hear):
        """Calls ``hear(state, error)`` for each change of `announcement` until the server stops, on the thread that serves;
        ``error`` tells why it is not listed, else it is None. Before the start, to hear all; usable as a decorator."""
        checked_hearer(hear)
        if not self._hearers:
            self._native.watch_announcement(self._queue, 0)
        self._hearers.append(hear)
        return hear

    def kang(self):
        """Counters, connections and running requests as a dict, in the words of kang, the debugging page of programs that
        use node-fast."""
        return json.loads(self._native.kang())

    def set_rate_limits(self, limits):
        """Puts other rate limits in the place of those there are: text as of the option `rate_limits`, empty for none. Limits
        that stay the same keep what they have counted."""
        self._native.set_rate_limits(limits)

    def kick(self, client, time_ms):
        """Does not serve a client for so many milliseconds; 0 serves it again. `client` is an IP address or the client's option
        `client_name`. What runs goes on."""
        self._native.kick(client, time_ms)

    def __reduce__(self):
        raise TypeError("a server cannot be pickled or copied")

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("libfast"):
            document(cls, "server")

    async def _start_on_loop(self):
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

    async def _stop_on_loop(self, drain_ms):
        queue = LoopQueue.running()
        try:
            await queue.answer(self._native.stop(drain_ms, queue.native))
        finally:
            self._dismantle()

    def _end_serving(self):
        if not self._ended.done():
            self._ended.set_result(None)

    def _dispatch_on(self, loop, thread):
        with self._lock:
            if self._dispatcher is not None:
                raise make("FAST_E_STATE", "the server was started before")
            self._dispatcher = Dispatcher(
                self._queue, self._handlers, self._interceptors, self._hearers, loop, thread, self._threads
            )

    def _dismantle(self):
        self._stopped = True
        self.address = None
        self._dispatcher.close()
