"""A client that speaks the protocol itself, for what a proper client does not do: half-close, not read."""

import json
import socket

DATA = 1


def request(method, args=(), id=1):
    """A request as bytes."""
    payload = json.dumps({"m": {"name": method}, "d": list(args)}).encode()
    head = bytes([2, 1, DATA]) + id.to_bytes(4, "big") + _crc16(payload).to_bytes(4, "big")
    return head + len(payload).to_bytes(4, "big") + payload


def connect(address):
    """A connection that takes little ahead."""
    host, port = address.rsplit(":", 1)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect((host, int(port)))
    return connection


def messages(connection):
    """`(id, status, data)` of each message until the end of the stream."""
    stream = connection.makefile("rb")
    while head := stream.read(15):
        data = json.loads(stream.read(int.from_bytes(head[11:15], "big")))
        yield int.from_bytes(head[3:7], "big"), head[2], data


def _crc16(data):
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
