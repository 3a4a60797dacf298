"""One queue of the library per event loop."""

import asyncio
import weakref

from . import _native

_loops = weakref.WeakKeyDictionary()
_BATCH = 256

DATA = _native.Queue.DATA


class LoopQueue:
    """Hands what comes through a queue to whom it belongs.

    The loop keeps it alive, by the reader it is registered as, and it does not know the loop: so a loop that is closed
    takes it along, and the calls that were under way are abandoned without a word.
    """

    def __init__(self):
        self.native = _native.Queue()
        self.generation = _native.fork_generation()
        self._jobs = {}

    @classmethod
    def running(cls):
        """The one of the running loop."""
        return cls.of(asyncio.get_running_loop())

    @classmethod
    def of(cls, loop):
        """The one of a loop that runs on this thread."""
        known = _loops.get(loop)
        queue = known and known()
        if queue is None or queue.generation != _native.fork_generation():
            queue = cls()
            loop.add_reader(queue.native.fd, queue._drain)
            _loops[loop] = weakref.ref(queue)
        return queue

    async def answer(self, job):
        """What a job of the library yields. If the waiter is cancelled the job goes on."""
        if not job.done:
            waiter = asyncio.get_running_loop().create_future()
            self._jobs[job] = waiter
            # It may have got done, and its wake taken, only by this thread, so not before the first await.
            try:
                await waiter
            finally:
                self._jobs.pop(job, None)
        return job.result()

    def _drain(self):
        if self.native.drain(_BATCH):
            self._wake_jobs()

    def _wake_jobs(self):
        for job, waiter in list(self._jobs.items()):
            if job.done and not waiter.done():
                waiter.set_result(None)


def native_queue(loop):
    """The queue of a loop that runs on this thread; called by the library, for calls."""
    return LoopQueue.of(loop).native
