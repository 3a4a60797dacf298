"""The exceptions, made from the library's one table of errors."""

import builtins
import json

from . import _native


class Error(Exception):
    """What went wrong. Every exception of libfast is one of these."""

    code = "FAST_E_INVALID"

    def __init__(self, message="", *, code=None, endpoint="", retriable=False, name="", info=None):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.endpoint = endpoint
        self.retriable = retriable
        self.name = name
        self.info = info

    def __reduce__(self):
        return _restore, (type(self), self.args, self.__dict__)


class RemoteError(Error):
    """The server answered with an error.

    Raised in a handler, it is what the caller gets: ``raise RemoteError("no such row", name="RowError", info={"row": 7})``.
    ``info`` must be a dict or None.
    """

    code = "FAST_E_REMOTE"

    def __init__(self, message="", *, name="RemoteError", info=None, code=None, endpoint="", retriable=False):
        super().__init__(
            f"{name}: {message}", code=code, endpoint=endpoint, retriable=retriable, name=name, info=info
        )
        self.remote_message = message


def _restore(cls, args, attributes):
    error = cls.__new__(cls, *args)
    Exception.__init__(error, *args)
    error.__dict__.update(attributes)
    return error


def _classes():
    """One class per `class` of the table; a name of several rows is one class with several codes."""
    classes = {"RemoteError": RemoteError}
    codes = {}
    for _, code, name, meaning, remedy in _native.error_kinds():
        if name not in classes:
            # Those who catch the builtin TimeoutError or InterruptedError mean these, too.
            builtin = getattr(builtins, name, None)
            bases = (Error,) if builtin is None else (Error, builtin)
            classes[name] = type(name, bases, {"__doc__": "", "__module__": "libfast", "code": code})
        if name != "RemoteError":
            classes[name].__doc__ += f"{code}: {meaning} {remedy}\n\n"
        codes[code] = classes[name]
    return classes, codes


CLASSES, BY_CODE = _classes()
Error.__module__ = RemoteError.__module__ = "libfast"
globals().update(CLASSES)
__all__ = ["Error", *CLASSES]


def make(code, message):
    """An error that the Python side found itself."""
    return BY_CODE[code](message, code=code)


def from_native(code, message, endpoint, retriable, remote):
    """The exception for an error of the library; called by it."""
    cls = BY_CODE.get(code, Error)
    if remote is None:
        return cls(message, code=code, endpoint=endpoint, retriable=retriable)
    name, text, info = remote
    error = RemoteError(
        text, name=name, info=_loads(info), code=code, endpoint=endpoint, retriable=retriable
    )
    # The library's message may say more, such as after which retries.
    error.message, error.args = message, (message,)
    return error


def _loads(info):
    return json.loads(info) if info else None
