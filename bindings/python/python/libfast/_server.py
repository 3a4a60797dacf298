"""The server."""

import asyncio
import signal
import threading
from queue import SimpleQueue

from . import _native
from ._errors import make
from ._handlers import kind_of, run_async_generator
from ._loop import LoopQueue
from ._options import config, document
from ._pool import Pool

_BATCH = 256
_REQUEST, _CANCELLED, _WRITABLE = _native.Queue.REQUEST, _native.Queue.CANCELLED, _native.Queue.WRITABLE


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
        self._stopped = False
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
        thread = _LoopThread()
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
        what runs then, and closes. A second time does nothing."""
        with self._lock:
            if not self._stopped and self._dispatcher is not None:
                self._native.stop(drain_ms).wait()
                self._dismantle()
            self._stopped = True
        self._ending.put(None)

    def run(self):
        """Starts, serves until SIGTERM, SIGINT or `stop`, and stops. For the main thread."""
        before = {}
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                before[number] = signal.signal(number, lambda *_: self._ending.put(None))
            self.start()
            self._ending.get()
            self.stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def serve(self):
        """Starts on the running loop, serves until `stop_serving` or until it is cancelled, and stops."""
        async with self:
            await self._ended

    def stop_serving(self):
        """Makes `serve` stop. For the loop's own thread."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

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
            self._stopped = True
            queue = LoopQueue.running()
            try:
                await queue.answer(self._native.stop(None, queue.native))
            finally:
                self._dismantle()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def __reduce__(self):
        raise TypeError("a server cannot be pickled or copied")

    def _dispatch_on(self, loop, thread):
        with self._lock:
            if self._dispatcher is not None:
                raise make("FAST_E_STATE", "the server was started before")
            self._dispatcher = _Dispatcher(self._queue, self._handlers, loop, thread, self._threads)

    def _dismantle(self):
        self.address = None
        self._dispatcher.close()


class _Dispatcher:
    """Takes requests from the queue, on the loop's thread, and hands them to their handlers."""

    def __init__(self, queue, handlers, loop, thread, threads):
        self._queue = queue
        self._handlers = handlers
        self._loop = loop
        self._thread = thread
        self._pool = Pool(threads)
        self._tasks = set()
        self._writable = {}

    def watch(self):
        self._loop.add_reader(self._queue.fd, self._drain)

    def close(self):
        if self._thread is None:
            self._end()
        else:
            self._thread.stop(self._end)
        self._pool.close()
        self._queue.close()

    def _end(self):
        if not self._loop.is_closed():
            self._loop.remove_reader(self._queue.fd)
        for task in self._tasks:
            task.cancel()

    def _drain(self):
        for kind, tag, what, _ in self._queue.poll(_BATCH):
            if kind == _REQUEST:
                self._dispatch(tag, what)
            elif kind in (_WRITABLE, _CANCELLED):
                self._wake(what)

    def _dispatch(self, tag, request):
        handler, run, on_loop = self._handlers[tag]
        if not on_loop:
            self._pool.submit(run, handler, request)
            return
        more = (self._wait_writable,) if run is run_async_generator else ()
        task = self._loop.create_task(run(handler, request, *more))
        # The loop itself keeps tasks only weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait_writable(self, request):
        waiter = self._loop.create_future()
        # No event can have been missed: they come through this thread.
        self._writable[request.id] = waiter
        try:
            if not request.cancelled:
                await waiter
        finally:
            self._writable.pop(request.id, None)

    def _wake(self, request_id):
        waiter = self._writable.get(request_id)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class _LoopThread:
    """An event loop on a daemon thread, so that a program may end with a server running."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="libfast-server", daemon=True)
        self._thread.start()

    def call(self, function):
        """Runs a function on the loop's thread and waits for it."""
        done = SimpleQueue()

        def run():
            try:
                done.put((function(), None))
            except BaseException as error:
                done.put((None, error))

        self.loop.call_soon_threadsafe(run)
        value, error = done.get()
        if error is not None:
            raise error
        return value

    def stop(self, last):
        """Runs `last` on the loop, lets what it cancelled end, and ends the thread."""
        self.loop.call_soon_threadsafe(self._last, last)
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE_S)

    def _last(self, last):
        last()
        tasks = asyncio.all_tasks(self.loop)
        ended = asyncio.gather(*tasks, return_exceptions=True) if tasks else None
        if ended is None:
            self.loop.stop()
        else:
            ended.add_done_callback(lambda _: self.loop.stop())

    def _run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()


# A handler may ignore that it was cancelled; its thread is a daemon.
_PATIENCE_S = 1.0




document(Server, "server")
