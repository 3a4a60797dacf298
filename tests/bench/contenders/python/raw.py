"""A bare socket in Python against the raw server: the bytes of a call there and back, not looked at."""

import socket

from measured import Meter, Order, now, report

# As in ../../src/bin/raw.rs: bytes around the payload of a call, both ways.
AROUND = 80


def main():
    order = Order()
    call = b"x" * (AROUND + (order.size * AROUND if order.stream else order.size))
    host, port = order.target.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answer = memoryview(bytearray(len(call)))
    meter = Meter(order)
    ended = now()
    while True:
        began = ended
        connection.sendall(call)
        read = 0
        while read < len(call):
            came = connection.recv_into(answer[read:])
            if not came:
                raise SystemExit("the server closed the connection")
            read += came
        ended = now()
        if not meter.count(began, ended):
            break
    report([meter], order)


main()
