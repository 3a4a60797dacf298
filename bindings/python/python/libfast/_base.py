"""What the two clients share: what they were made of, and the core object that a fork replaces."""

import json
import time
from typing import NamedTuple, Optional

from . import _native
from ._errors import Error, make
from ._options import config, document


class Buffered(NamedTuple):
    """The values of a call, as many as were wanted, and how it ended."""

    values: list
    """The first values; those that came, if the call failed."""
    count: int
    """How many values came in all."""
    error: Optional[Error]
    """Why the call failed, or None."""

    @classmethod
    def of(cls, values, count, error):
        """As the library tells it; it tells of no values if the call did not begin."""
        return cls(values if values is not None else [], count, error)


def checked_max(max_values):
    """`max_values` of a buffered call."""
    if not isinstance(max_values, int) or not 0 <= max_values < 1 << 63:
        raise make("FAST_E_INVALID", f"max_values: {max_values!r} is not a whole number from 0 on")
    return max_values


class BaseClient:
    """Keeps target and options, so that it can be pickled, and made again on its first use in a forked child."""

    def __init__(self, target, /, **options):
        self._target = target
        self._options = options
        self._closed = False
        self._interceptors = ()
        # One attribute for both, because threads replace it without a lock.
        self._core = None, None
        self._native()

    def _native(self):
        generation, core = self._core
        # The generation counts from the first client on, so it is read after that was made.
        if core is None or generation != _native.fork_generation():
            if self._closed:
                raise make("FAST_E_CLOSED", "the client was closed", "FastTransportError")
            if not isinstance(self._target, str):
                raise make("FAST_E_INVALID", f"a target is text, not {self._target!r}")
            core = _native.Client(self._target, config(self._options))
            self._core = _native.fork_generation(), core
        return core

    @property
    def target(self):
        """What it was made of."""
        return self._target

    def intercept(self, interceptor):
        """Has calls that begin from now on go through ``interceptor(call)``, behind those that were installed before; see
        `OutgoingCall`. What it raises is what the call raises. As a decorator it gives the function back. Pickles of the
        client have its interceptors, too, so these must be functions of a module."""
        self._interceptors += (interceptor,)
        return interceptor

    def stats(self):
        """Counters and endpoints, as a dict."""
        return json.loads(self._native().stats())

    def kang(self):
        """Connections and requests as a dict, in the words of kang, the debugging page of programs that use node-fast."""
        return json.loads(self._native().kang())

    def _close(self, drain_ms, queue=None):
        """The job that closes it, or None if there is nothing to close."""
        generation, core = self._core
        self._closed = True
        # One that was made in the parent of a fork is the parent's to close.
        if core is None or generation != _native.fork_generation():
            return None
        return core.close(drain_ms, queue)

    def __reduce__(self):
        return _restore, (type(self), self._target, self._options, self._interceptors)

    def __repr__(self):
        return f"<libfast {type(self).__name__} of {self._target!r}>"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("libfast"):
            document(cls, "client")


def _restore(cls, target, options, interceptors):
    client = cls(target, **options)
    client._interceptors = interceptors
    return client


def states(queue):
    """The states of an announcement that wait in a queue, with errors."""
    return [what for kind, _, what in queue.poll(16) if kind == _native.Queue.ANNOUNCEMENT]


def checked_hearer(hear):
    """What is told of the states of an announcement."""
    if not callable(hear):
        raise make("FAST_E_INVALID", f"{hear!r} cannot be called")
    return hear


class BaseAnnounced:
    """An entry in a registry."""

    def __init__(self, native):
        self._native = native

    @property
    def state(self):
        """``registered``, ``connecting``, ``suspended`` (listed when last heard of), ``lost`` or ``closed``."""
        return self._native.state

    def _watched(self, hear):
        """A queue that gets each change of the state, for ``hear``."""
        checked_hearer(hear)
        queue = _native.Queue()
        self._native.watch(queue, 0)
        return queue

    def __reduce__(self):
        raise TypeError("an announcement cannot be pickled or copied")


class Pick:
    """An endpoint chosen for a call over another protocol.

    It counts as loaded until the outcome is reported, or this object is gone. As a context manager it measures: the time
    of the block is the latency, and an exception is a failure::

        with client.pick() as pick:
            connection = http.client.HTTPConnection(pick.endpoint)
    """

    def __init__(self, native):
        self._native = native
        self._since = None

    @property
    def endpoint(self):
        """``host:port`` or ``unix:/path``."""
        return self._native.endpoint

    def report(self, latency_s, ok=True):
        """Tells, once, how long the call took in seconds and whether the endpoint did its part."""
        self._native.report(max(0, round(latency_s * 1e6)), ok)

    def __enter__(self):
        self._since = time.monotonic()
        return self

    def __exit__(self, kind, error, traceback):
        self.report(time.monotonic() - self._since, kind is None)
        return False

    def __repr__(self):
        return f"<libfast Pick {self.endpoint}>"
