"""The client for threads that may wait."""

import select
import sys
import threading

from . import _native
from ._native import loads
from ._base import BaseAnnounced, BaseClient, Buffered, Pick, checked_max, states
from ._errors import Error
from ._options import config, document, settings, whole
from ._outgoing import abandoned, passed


class Client(BaseClient):
    """Calls the methods of a service, balanced over its servers. Threads may share it.

    ``target`` is a service name, ``host:port[,host:port…]``, ``unix:/path``, ``dir:///folder/service`` or
    ``zk://hosts/root/service``. A call has the options ``timeout_ms``, ``idempotent``, ``retries``, ``window``,
    ``ignore_null_values``, ``affinity``, ``hedge`` and ``wait_for_ready``, too, which count for it alone.

    In a forked child it connects anew on its first use. A pickle of it is its target and options.
    """

    def call(self, method, args=(), /, **options):
        """Calls and returns the list of all values. ``args`` is a list; bytes are its JSON text."""
        if self._interceptors:
            return list(SeenStream(self, method, args, options))
        return self._native().call(method, args, settings(options))

    def call_buffered(self, method, args=(), /, *, max_values, **options):
        """Calls, keeps the first ``max_values`` values and counts all; for those who want to know what came before an
        error, or how much there is. Returns a `Buffered`; an error of the call is in it instead of being raised."""
        most = checked_max(max_values)
        if self._interceptors:
            return SeenStream(self, method, args, options).buffer(most)
        return Buffered.of(*self._native().call_buffered(method, args, settings(options), most))

    def stream(self, method, args=(), /, **options):
        """Returns an iterator of the values as they come. The call is sent when the first one is asked for; dropping the
        iterator abandons it."""
        if self._interceptors:
            return SeenStream(self, method, args, options)
        return Stream(self._native().stream(method, args, settings(options)))

    def ready(self, timeout_ms=5000):
        """Waits until a server is known and connected."""
        self._native().ready(timeout_ms).wait()

    def pick(self):
        """Chooses an endpoint for a call over another protocol."""
        return Pick(self._native().pick().wait())

    def close(self, drain_ms=0):
        """Refuses new calls and waits at most ``drain_ms`` for those under way; what is under way then fails with
        ClosedError. A second time does nothing."""
        job = None if self._closed else self._close(drain_ms)
        if job is not None:
            job.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Stream:
    """The values of a call as they come. When it is dropped, as by ``break``, the call is abandoned: the server is not
    told and goes on, what it sends is ignored."""

    def __init__(self, native):
        self._native = native

    def __iter__(self):
        return self

    def __next__(self):
        call = self._native
        if call is None:
            raise StopIteration
        try:
            text = call.next()
        except Exception:
            self._native = None
            raise
        if text is None:
            self._native = None
            raise StopIteration
        return loads(text)

    def abandon(self):
        """Stops waiting. A thread that waits for a value gets AbandonedError; from then on the stream is at its end."""
        call, self._native = self._native, None
        if call is not None:
            call.abandon()

    close = abandon

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.abandon()

    def __reduce__(self):
        raise TypeError("a stream cannot be pickled or copied")


class SeenStream(Stream):
    """The values of a call that interceptors see. It goes through them when the first value is asked for."""

    def __init__(self, client, method, args, options):
        super().__init__(None)
        self._begin = client, method, args, options
        self._call = None
        self._given = None

    def __next__(self):
        if self._begin is not None:
            self._start()
        call, native = self._call, self._native
        if call is None:
            raise StopIteration
        try:
            if native is None:
                value = next(self._given)
            else:
                text = native.next()
                if text is None:
                    raise StopIteration
                value = loads(text)
        except BaseException as error:
            self._call = self._native = None
            call.over(None if isinstance(error, StopIteration) else error, native)
            raise
        call.saw(value)
        return value

    def buffer(self, most):
        values, count = [], 0
        try:
            for value in self:
                count += 1
                if count <= most:
                    values.append(value)
        except Error as error:
            return Buffered(values, count, error)
        return Buffered(values, count, None)

    def _start(self):
        (client, method, args, options), self._begin = self._begin, None
        call = passed(client, method, args, options)
        if call.answered:
            self._given = iter(call.given)
        else:
            try:
                self._native = client._native().stream(method, call.args, settings(call.options))
            except BaseException as error:
                call.over(error, None)
                raise
        self._call = call

    def abandon(self):
        (call, self._call), native = (self._call, None), self._native
        self._begin = None
        if call is not None:
            call.over(abandoned(), native)
        super().abandon()

    close = abandon

    def __del__(self):
        self.abandon()


class Announced(BaseAnnounced):
    """An entry in a registry for a server of any protocol. It is taken off when it is withdrawn or dropped."""

    def on_announcement(self, hear):
        """Calls ``hear(state, error)`` for each change of `state` from now on, on a thread of its own; ``error`` tells why
        it is not listed, else it is None. Usable as a decorator."""
        queue = self._watched(hear)
        threading.Thread(target=_follow, args=(queue, hear), name="libfast-announced", daemon=True).start()
        return hear

    def set_weight(self, weight):
        """Gives it another share of calls, from 0 (no new calls) to 1,000,000, and waits until that is listed."""
        self._native.set_weight(whole("weight", weight)).wait()

    def set_metadata(self, metadata):
        """Says something else of the server, in place of all that was said: text as of the option ``metadata``, empty for
        nothing. Waits until that is listed."""
        self._native.set_metadata(metadata).wait()

    def withdraw(self):
        """Takes it off and waits until the registry has. A second time does nothing."""
        self._native.withdraw().wait()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.withdraw()


def _tell(hear, state, error):
    try:
        hear(state, error)
    except Exception:
        # As if this were the end of the thread; but the next state is told, too.
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


def _follow(queue, hear):
    ready = select.poll()
    ready.register(queue.fd, select.POLLIN)
    while True:
        ready.poll()
        for state, error in states(queue):
            _tell(hear, state, error)
            if state == "closed":
                return


def announce(**options):
    """Announces the address ``advertise`` under the target ``announce``, and waits until it is listed, or
    until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers.

    For servers that speak another protocol; a libfast ``Server`` announces itself.
    """
    return Announced(_native.announce(config(options)).wait())


document(announce, "server")
