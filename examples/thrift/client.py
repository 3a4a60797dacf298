"""A Thrift client that libfast balances: client.py TARGET [CALLS]. See README.md."""

import collections
import json
import sys
import time

import libfast
from calculator import Calculator
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TTransportException

TRIES = 3
TIMEOUT_MS = 1000


class Balanced:
    """The Thrift servers of one service. A connection to each is kept; libfast says which one takes the next call."""

    def __init__(self, target):
        self.servers = libfast.Client(target)
        self.connections = {}
        self.repeated = 0

    def call(self, do):
        """Calls with `do`, which gets a Thrift client and may be repeated on another server."""
        for last in range(TRIES):
            pick = self.servers.pick()
            start = time.perf_counter()
            try:
                answer = do(self.connection(pick.endpoint))
            except TTransportException:
                # The server's fault, or the network's: libfast prefers others for a while.
                pick.report(time.perf_counter() - start, ok=False)
                self.connections.pop(pick.endpoint, None)
                if last == TRIES - 1:
                    raise
                self.repeated += 1
            else:
                # Also an error that the server answered would count as ok: it did its part.
                pick.report(time.perf_counter() - start)
                return answer

    def connection(self, endpoint):
        if endpoint not in self.connections:
            host, port = endpoint.rsplit(":", 1)
            socket = TSocket(host.strip("[]"), int(port))
            socket.setTimeout(TIMEOUT_MS)
            transport = TBufferedTransport(socket)
            transport.open()
            self.connections[endpoint] = Calculator.Client(TBinaryProtocol(transport))
        return self.connections[endpoint]


calculator = Balanced(sys.argv[1])
ok = failed = 0
servers = collections.Counter()
for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1000):
    try:
        answer = calculator.call(lambda thrift: thrift.add(i, 1))
        assert answer.sum == i + 1
    except (TTransportException, libfast.Error, AssertionError) as error:
        print(f"add {i}: {error!r}", file=sys.stderr)
        failed += 1
        continue
    servers[answer.server] += 1
    ok += 1
print(json.dumps({"language": "python", "ok": ok, "failed": failed, "repeated": calculator.repeated, "servers": servers}))
