"""What programs put around calls: what an interceptor sees of one call, on either side, and is told of it."""

import logging
import time
from typing import NamedTuple, Optional

_log = logging.getLogger("libfast")


class Outcome(NamedTuple):
    """How a call ended."""

    values: int
    """How many values there were."""
    error: Optional[BaseException]
    """Why it failed, or None."""
    endpoint: str
    """The other side: where the last attempt went, "" if none was made; for a server, its caller."""
    attempts: int
    """How often it was tried; 0 if an interceptor ended it. A server sees one attempt."""
    duration_s: float
    """From its beginning to its end."""


class Intercepted:
    """One call on its way through the interceptors."""

    def __init__(self):
        self._answer = None
        self._on_value, self._on_end = [], []
        self._count = 0
        self._began = time.monotonic()

    def answer(self, *values):
        """Answers the call with these values, after those that were given before. The interceptors after this one, and
        the other side, do not see it."""
        self._answer = [*(self._answer or ()), *values]

    def on_value(self, hook):
        """Has ``hook(value)`` told of each value."""
        self._on_value.append(hook)
        return hook

    def on_end(self, hook):
        """Has ``hook(outcome)`` told, once, of the end; see `Outcome`. The last interceptor hears first."""
        self._on_end.append(hook)
        return hook

    @property
    def answered(self):
        """Whether an interceptor has answered it."""
        return self._answer is not None

    @property
    def given(self):
        """The values that it was answered with. Fast has no null values."""
        return [value for value in self._answer if value is not None]

    def saw(self, value):
        self._count += 1
        for hook in reversed(self._on_value):
            _tell(hook, value)

    def ended(self, error, endpoint, attempts):
        hooks, self._on_end = self._on_end, []
        if hooks:
            outcome = Outcome(self._count, error, endpoint, attempts, time.monotonic() - self._began)
            for hook in reversed(hooks):
                _tell(hook, outcome)


class OutgoingCall(Intercepted):
    """A call before it begins. ``args`` and ``options`` may be changed or replaced.

    ``target`` is what the client was made of, ``method`` the name of the method, ``args`` the list of arguments (or bytes,
    their JSON text, if the caller gave such), ``options`` the options of this call alone, a dict by name.
    """

    def __init__(self, target, method, args, options):
        super().__init__()
        self.target = target
        self.method = method
        self.args = list(args) if isinstance(args, tuple) else args
        self.options = options

    def over(self, error, native, count=None):
        """It is over; `native` is the library's half of it, or None if it did not get so far. `count` is how many values
        there were, if not all were seen."""
        if count is not None:
            self._count = count
        endpoint, attempts = native.way() if native is not None else ("", 0)
        self.ended(error, endpoint or getattr(error, "endpoint", ""), attempts)


class IncomingCall(Intercepted):
    """A request before its handler runs.

    ``context`` is what the handler gets (see `Context`), ``method`` the name of the method, ``args`` the list of
    arguments, ``peer`` the caller's address.
    """

    def __init__(self, context):
        super().__init__()
        self.context = context
        self.method, self.args, self.peer = context.method, context.args, context.peer


def _tell(hook, what):
    """What a hook makes of it is not the business of the call."""
    try:
        hook(what)
    except Exception:
        _log.exception("an interceptor failed beside a call")
