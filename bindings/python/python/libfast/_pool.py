"""The threads that run handlers which may block."""

import threading
from queue import SimpleQueue


class Pool:
    """At most `size` threads, made when they are needed.

    Unlike those of `concurrent.futures` they do not hold up the end of the program. What waits for them is bounded by
    the server, with `max_inflight`.
    """

    def __init__(self, size):
        self._size = size
        self._work = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def submit(self, function, *args):
        """Runs it on one of the threads. Called by one thread only."""
        self._work.put((function, args))
        if not self._idle.acquire(blocking=False) and self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._run, name=f"libfast-handler-{self._threads}", daemon=True).start()

    def close(self):
        """Lets the threads end once they have done what waits."""
        for _ in range(self._threads):
            self._work.put(None)

    def _run(self):
        while (work := self._work.get()) is not None:
            function, args = work
            function(*args)
            # The next request must not find this thread's arguments alive.
            work = function = args = None
            self._idle.release()
