"""JSON for what the library does not read and write itself: all that Python's ``json`` knows and programs seldom send.

What the library does itself, ``src/json`` of the binding, gives the same objects and texts.
"""

import json

from ._errors import make

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_decode = json.JSONDecoder().decode


def loads(text):
    """The object of some JSON text, as bytes."""
    try:
        return _decode(text.decode())
    except (ValueError, RecursionError) as error:
        # The library checked that it is JSON, but a peer may nest deeper, and write longer numbers, than Python follows.
        raise make("FAST_E_PROTOCOL", f"Python cannot hold the value that came: {error}") from None


def dumps(value, what):
    """The JSON text of a value; bytes are JSON text already. `what` names it in the error."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    try:
        # A lone surrogate is no UTF-8, and what Python escapes it with is JSON.
        return _encode(value).encode(errors="backslashreplace")
    except (TypeError, ValueError, RecursionError) as error:
        raise make("FAST_E_INVALID", f"{what} cannot be written as JSON: {error}") from None
