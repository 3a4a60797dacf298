#!/usr/bin/env python3
"""Writes corpus/: the first inputs of the fuzz targets, one for each published vector of the protocol.

Run it again after a change of the vectors or of what a target reads. Operations are those of the targets' `run`.
"""

import json
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "../../core/protocol/tests/vectors.json").read_text())
HEADER = 15
# Longer ones only slow the targets down.
LONGEST = 4096


def text(content):
    """A text of up to 255 bytes with its length before it."""
    return bytes([len(content)]) + content


def pieces(stream, operation):
    return b"".join(operation + text(stream[at : at + 255]) for at in range(0, len(stream), 255))


def client(stream):
    default_wire = bytes([0, 0, 0])
    start = b"\0" + text(b"a") + b"\1"
    receive, poll, abandon_second = b"\7\0", b"\5", b"\1\2"
    return default_wire + start * 3 + abandon_second + pieces(stream, b"\3") + receive + poll * 6


def server(stream):
    default_limits = b"\0"
    receive, poll = b"\x0b\0", b"\4"
    send, end, fail, unknown = b"\5\1\3", b"\6\1\1\0", b"\7\2\2" + text(b"m"), b"\x08\3"
    return default_limits + pieces(stream, b"\2") + receive + poll * 6 + send + end + fail + unknown + b"\x0a"


def seeds():
    for kind in ("encode", "decode", "bad", "stream"):
        for vector in VECTORS[kind]:
            stream = bytes.fromhex(vector["hex"])
            name = kind + "-" + re.sub(r"[^a-z0-9]+", "-", vector["name"].lower()).strip("-")[:80]
            as_it_is = bytes([0, 0]) + text(bytes([7, 1]))
            yield "decoder", name, as_it_is + stream
            yield "json", name, stream[HEADER:]
            yield "client_connection", name, client(stream)
            yield "server_connection", name, server(stream)
    # A frame without method near the bound of depth, whose answer once went beyond it.
    yield "server_connection", "found-malformed-request-near-the-depth", bytes.fromhex("420000780004 03d960")


def main():
    shutil.rmtree(HERE / "corpus", ignore_errors=True)
    for target, name, content in seeds():
        if 0 < len(content) <= LONGEST:
            path = HERE / "corpus" / target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


if __name__ == "__main__":
    main()
