"""One queue of the library per event loop."""

import asyncio
import itertools
import weakref

from . import _native

_loops = weakref.WeakKeyDictionary()
_tags = itertools.count(1)
_BATCH = 256

DATA, DONE, WAKE = _native.Queue.DATA, _native.Queue.DONE, _native.Queue.WAKE


class LoopQueue:
    """Hands what comes through a queue to whom it belongs.

    The loop keeps it alive, by the reader it is registered as, and it does not know the loop: so a loop that is closed
    takes it along, and the calls that were under way are abandoned without a word.
    """

    def __init__(self):
        self.native = _native.Queue()
        self.generation = _native.fork_generation()
        self._sinks = {}
        self._jobs = {}

    @classmethod
    def running(cls):
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        known = _loops.get(loop)
        queue = known and known()
        if queue is None or queue.generation != _native.fork_generation():
            queue = cls()
            loop.add_reader(queue.native.fd, queue._drain)
            _loops[loop] = weakref.ref(queue)
        return queue

    def start(self, start, method, args, settings, how, sink):
        """Starts a call, with `start` of a client, whose events go to `sink(kind, what, error)`. Dropping what is
        returned abandons it."""
        tag = next(_tags)
        self._sinks[tag] = sink
        try:
            return start(self.native, tag, method, args, settings, how)
        except BaseException:
            del self._sinks[tag]
            raise

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
        for kind, tag, what, error in self.native.poll(_BATCH):
            if kind == WAKE:
                self._wake_jobs()
                continue
            sink = self._sinks.pop(tag, None) if kind == DONE else self._sinks.get(tag)
            if sink is not None:
                sink(kind, what, error)

    def _wake_jobs(self):
        for job, waiter in list(self._jobs.items()):
            if job.done and not waiter.done():
                waiter.set_result(None)
