"""What goes through the library's own reading and writing of JSON is as Python's `json` has it."""

import collections
import enum
import json
import random

import pytest

import libfast

Point = collections.namedtuple("Point", "x y")


class Text(str):
    pass


class Number(enum.IntEnum):
    SEVEN = 7


class Real(float):
    def __repr__(self):
        return "no JSON"


def nested(depth):
    value = 1
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


VALUES = {
    "whole numbers": [0, -1, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400, -(10**400)],
    "fractions": [0.0, -0.0, 0.1, 1e16, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, 123456.789, 1e100],
    "words": [True, False, None],
    "characters": ["".join(map(chr, range(0x100))), "\x7f\u2028\u2029\ufeff\uffff\U0010ffff", "", '"', "\\u0041"],
    "halves of pairs": ["\ud800", "\udc00x", "\ud83d\ude00", "a\ud800\ud800\udc00b"],
    "subclasses": [Text("text"), Number.SEVEN, Real(1.5), Point(1, (2,)), collections.OrderedDict(b=1, a=2)],
    "keys": {1: "1", 2.5: "2.5", True: "true", None: "null", Number.SEVEN: "7", "": "empty", "é\n": "", Text("t"): 0},
    "many keys": [{f"key {i % 70}": i, "a": i, "é": i, "\n": i} for i in range(300)],
    "empty": [[], {}, (), [[]], {"a": {}}],
    "large text": ["x" * 300_000, "é" * 100_000, '"\\' * 100_000],
}


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back_as_json_has_them(client, name):
    value = VALUES[name]
    expected = json.loads(json.dumps(value))
    # Their text, because 1, 1.0 and True are equal.
    assert repr(client.call("echo", [value])) == repr([[expected]])


@pytest.mark.parametrize("depth", [1, 126, 127, 128, 129, 200])
def test_values_may_be_nested(client, depth):
    assert client.call("echo", [nested(depth)]) == [[nested(depth)]]


def test_random_values_come_back_as_json_has_them(client):
    chance = random.Random(11)

    def text():
        return "".join(chr(chance.choice([9, 34, 92, 65, 233, 0x20AC, 0x1F600])) for _ in range(chance.randrange(12)))

    def value(depth):
        kind = chance.randrange(7 if depth else 5)
        if kind < 5:
            scalars = [text(), chance.randrange(-(2**70), 2**70), chance.uniform(-1e9, 1e9), None, True]
            return scalars[kind]
        items = [value(depth - 1) for _ in range(chance.randrange(5))]
        return items if kind == 5 else {text(): item for item in items}

    for _ in range(200):
        sent = value(4)
        assert repr(client.call("echo", [sent])) == repr([[json.loads(json.dumps(sent))]])


@pytest.mark.parametrize(
    "text",
    [
        b' \t\r\n[ 1 , {"a" : [ ] , "b":{ } } , -0, -0.0, 1E5, 1.5e-3 ] \n',
        rb'["\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\", "\ud83d", "\ud83dx", "\ud83d\u0041", "\udc00"]',
        b'[{"a": 1, "b": 2, "a": 3}]',
        b"[18446744073709551615, 9223372036854775808, -9223372036854775809]",
    ],
    ids=["spaces", "escapes", "a key twice", "large"],
)
def test_text_is_read_as_json_reads_it(client, text):
    assert repr(client.call("echo", text)) == repr([json.loads(text)])


def test_what_is_like_bytes_is_json_already(client):
    for kind in (bytes, bytearray, memoryview):
        assert client.call("add", kind(b"[1, 2]")) == [3]


def test_what_json_refuses_is_refused(client):
    endless = []
    endless.append(endless)
    refused = [endless, {(): 1}, {1, 2}, object(), b"bytes in a list", nested(100_000), [float("nan")]]
    for value in refused:
        with pytest.raises(libfast.InvalidError, match="the arguments cannot be written as JSON: "):
            client.call("echo", [value])
    assert client.call("echo", [1]) == [[1]]


def test_what_a_handler_returns_that_is_no_json_is_told(server, client):
    server.method("object")(lambda ctx: object())
    with pytest.raises(libfast.RemoteError, match="a value of 'object' cannot be written as JSON"):
        client.call("object")
