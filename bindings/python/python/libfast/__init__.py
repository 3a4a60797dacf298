"""Fast RPC: calls and streams, balanced over the servers of a service.

::

    with libfast.Client("calc", timeout_ms=2000) as calc:
        print(calc.call("add", [1, 2]))
        for value in calc.stream("range", [10]):
            print(value)

For asyncio see ``libfast.aio``, for servers ``libfast.Server``. Options are the same in every language; ``options()``
lists them.
"""

from . import aio
from ._base import Buffered, Pick
from ._client import Announced, Client, Stream, announce
from ._errors import *  # noqa: F403
from ._errors import __all__ as _errors
from ._handlers import Context
from ._interceptors import IncomingCall, Outcome, OutgoingCall
from ._native import __version__, error_kinds, fork_generation, metrics_text
from ._options import Option, options
from ._server import Server

__all__ = [
    "Announced",
    "Buffered",
    "Client",
    "Context",
    "IncomingCall",
    "Option",
    "Outcome",
    "OutgoingCall",
    "Pick",
    "Server",
    "Stream",
    "aio",
    "announce",
    "error_kinds",
    "fork_generation",
    "metrics_text",
    "options",
    *_errors,
]
