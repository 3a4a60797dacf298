"""The exceptions, made from the library's one table of errors."""

import builtins
import json

from . import _native


class Error(Exception):
    """What went wrong. Every exception of libfast is one of these.

    ``code`` never changes, the wording of ``message`` may. ``endpoint`` is where it happened, ``retriable`` whether
    repeating the call cannot run it twice and could succeed.

    ``cause_name`` is the name that node-fast gives to what a call's failure goes back to: ``FastServerError``,
    ``TimeoutError``, ``FastRequestAbandonedError``, ``FastTransportError`` or ``FastProtocolError``; "" for what is not
    the failure of a call. ``merged_info`` is everything known about the failure besides its message, as a dict with
    ``rpcMethod`` and, if it was sent, ``rpcMsgid``; or None.

    ``name``, ``remote_message``, ``info``, ``context`` and ``ase_errors`` are what the server said: "" or None if it
    said nothing.
    """

    code = "FAST_E_INVALID"

    def __init__(
        self,
        message="",
        *,
        code=None,
        endpoint="",
        retriable=False,
        name="",
        info=None,
        context=None,
        ase_errors=None,
        remote_message="",
        cause_name="",
        merged_info=None,
    ):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.endpoint = endpoint
        self.retriable = retriable
        self.name = name
        self.info = info
        self.context = context
        self.ase_errors = ase_errors
        self.remote_message = remote_message
        self.cause_name = cause_name
        self.merged_info = merged_info

    def __reduce__(self):
        return _restore, (type(self), self.args, self.__dict__)


class RemoteError(Error):
    """The server answered with an error.

    Raised in a handler, it is what the caller gets: ``raise RemoteError("no such row", name="RowError", info={"row": 7})``.
    ``info`` must be a dict or None; ``context``, where older servers put what newer ones put into ``info``, and
    ``ase_errors``, usually a list of errors behind this one, may be anything that JSON can say.
    """

    code = "FAST_E_REMOTE"

    def __init__(self, message="", *, name="RemoteError", info=None, context=None, ase_errors=None, **others):
        said = {"name": name, "info": info, "context": context, "ase_errors": ase_errors}
        super().__init__(f"{name}: {message}", remote_message=message, **said, **others)


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


def make(code, message, cause_name=""):
    """An error that the Python side found itself."""
    return BY_CODE[code](message, code=code, cause_name=cause_name)


def from_native(code, message, endpoint, retriable, cause_name, merged_info, remote):
    """The exception for an error of the library; called by it. `remote` is what the server said, or None."""
    name, text, *rest = remote or ("", "", "", "", "")
    info, context, ase_errors = map(_loads, rest)
    error = BY_CODE.get(code, Error)(
        text,
        code=code,
        endpoint=endpoint,
        retriable=retriable,
        cause_name=cause_name,
        merged_info=_loads(merged_info),
        name=name,
        info=info,
        context=context,
        ase_errors=ase_errors,
    )
    # The library's message may say more than the server's, such as after which retries.
    error.message, error.args, error.remote_message = message, (message,), text
    return error


def _loads(text):
    """The object of some JSON text, or None if there is none. A peer may nest deeper than Python follows."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
