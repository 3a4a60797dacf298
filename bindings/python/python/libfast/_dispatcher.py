"""From the queue of a server to its handlers."""

import asyncio
import threading
from queue import SimpleQueue

from . import _native
from ._incoming import run_through, run_through_async
from ._pool import Pool

_BATCH = 256
_REQUEST, _CANCELLED, _WRITABLE = _native.Queue.REQUEST, _native.Queue.CANCELLED, _native.Queue.WRITABLE
_ANNOUNCEMENT = _native.Queue.ANNOUNCEMENT


class Dispatcher:
    """Takes requests from the queue, on the loop's thread, and hands them to their handlers."""

    def __init__(self, queue, handlers, interceptors, hearers, loop, thread, threads):
        self._queue = queue
        self._handlers = handlers
        self._interceptors = interceptors
        self._hearers = hearers
        self.loop = loop
        self.thread = thread
        self._pool = Pool(threads)
        self._tasks = set()
        self._writable = {}

    def watch(self):
        self.loop.add_reader(self._queue.fd, self._drain)

    def close(self):
        if self.thread is None:
            self._end()
        else:
            self.thread.stop(self._end)
        self._pool.close()
        self._queue.close()

    def _end(self):
        if not self.loop.is_closed():
            self.loop.remove_reader(self._queue.fd)
        for task in self._tasks:
            task.cancel()

    def _drain(self):
        for kind, tag, what in self._queue.poll(_BATCH):
            if kind == _REQUEST:
                self._dispatch(tag, what)
            elif kind in (_WRITABLE, _CANCELLED):
                self._wake(what)
            elif kind == _ANNOUNCEMENT:
                for hear in self._hearers:
                    # By itself, so that what one raises goes where the loop's exceptions go.
                    self.loop.call_soon(hear, *what)

    def _dispatch(self, tag, request):
        handler, run, on_loop = self._handlers[tag]
        interceptors = self._interceptors
        if not on_loop:
            if interceptors:
                self._pool.submit(run_through, interceptors, self.loop, run, handler, request)
            else:
                self._pool.submit(run, handler, request)
            return
        if interceptors:
            work = run_through_async(interceptors, run, handler, request, self._wait_writable)
        else:
            work = run(handler, request, self._wait_writable)
        task = self.loop.create_task(work)
        # The loop itself keeps tasks only weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait_writable(self, request):
        waiter = self.loop.create_future()
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


class LoopThread:
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

    def is_current(self):
        """Whether the caller runs on it."""
        return threading.current_thread() is self._thread

    def stop(self, last):
        """Runs `last` on the loop, lets what it cancelled end, and ends the thread."""
        self.loop.call_soon_threadsafe(self._last, last)
        self._thread.join(_PATIENCE_S)

    def _last(self, last):
        last()
        tasks = asyncio.all_tasks(self.loop)
        if not tasks:
            self.loop.stop()
            return
        ended = asyncio.gather(*tasks, return_exceptions=True)
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
