"""JSON in and out. The library takes and gives JSON text; Python objects are made here.

With orjson, if that is installed, which is several times as fast. It differs in two things: NaN is written as null, and
whole numbers beyond 64 bits are read as floats.
"""

import json

from ._errors import make

try:
    import orjson
except ImportError:
    orjson = None

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_decode = json.JSONDecoder().decode

if orjson is None:
    _dumps = _encode

    def _loads(text):
        return _decode(text.decode())

else:
    # What only orjson can encode is refused, so that a program does not depend on what happens to be installed.
    _SAME = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

    def _dumps(value):
        try:
            return orjson.dumps(value, option=_SAME)
        except TypeError:
            # Numbers beyond 64 bits and keys that are no text are fine for json.
            return _encode(value)

    def _loads(text):
        try:
            return orjson.loads(text)
        except ValueError:
            return _decode(text.decode())


def loads(text):
    """The object of some JSON text, as bytes."""
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        # The library checked that it is JSON, but a peer may nest deeper, and write longer numbers, than Python follows.
        raise make("FAST_E_PROTOCOL", f"Python cannot hold the value that came: {error}") from None


def dumps(value, what):
    """The JSON text of a value; bytes are JSON text already. `what` names it in the error."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    try:
        text = _dumps(value)
        if isinstance(text, str) and not text.isascii():
            # A lone surrogate is no UTF-8, and what Python escapes it with is JSON.
            return text.encode(errors="backslashreplace")
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise make("FAST_E_INVALID", f"{what} cannot be written as JSON: {error}") from None
