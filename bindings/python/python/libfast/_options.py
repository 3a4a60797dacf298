"""Options by name. Names, bounds and defaults are the library's; here they only become text."""

from functools import lru_cache
from typing import NamedTuple

from . import _native
from ._errors import make


class Option(NamedTuple):
    """One option: what it is called, what it may be, and what it does."""

    name: str
    values: str
    default: str
    doc: str
    client: bool
    server: bool


OPTIONS = tuple(Option(*row) for row in _native.option_specs())


def options():
    """All options of clients and servers."""
    return OPTIONS


def _pairs(options):
    pairs = []
    for name, value in options.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, (int, float)):
            value = str(value)
        elif not isinstance(value, str):
            raise make("FAST_E_INVALID", f'option "{name}": {value!r} is no text, number or bool')
        pairs.append((name, value))
    return pairs


def config(options):
    """Checked options of a client, a server or an announcement."""
    return _native.Config(_pairs(options))


@lru_cache(maxsize=256, typed=True)
def _settings(**options):
    return _native.CallSettings(_pairs(options))


def settings(options):
    """Checked options of a call. Programs have few kinds of call, so each is made once."""
    try:
        return _settings(**options)
    except TypeError:
        # Something that cannot be a key of the cache; the same check, without it.
        return _native.CallSettings(_pairs(options))


def whole(name, value):
    """A number that is passed by itself and not as text; its bound is the library's."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise make("FAST_E_INVALID", f"{name} must be a whole number from 0 on, not {value!r}")
    return value


_WINDOW = int(next(option.default for option in OPTIONS if option.name == "window"))


def window(call_settings, client_options):
    """How many values a stream hands out before more are granted."""
    return call_settings.window or int(client_options.get("window", _WINDOW))


def document(cls, side):
    """Adds the options of one side, `client` or `server`, to the documentation of a class."""
    lines = (f"    {o.name}: {o.doc} ({o.values}; default {o.default!r})" for o in OPTIONS if getattr(o, side))
    cls.__doc__ = f"{cls.__doc__.rstrip()}\n\nOptions:\n" + "\n".join(lines) + "\n"
    return cls
