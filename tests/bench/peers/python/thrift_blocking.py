"""Apache Thrift: a thread for each connection, one call at a time on it. A stream is one answer that holds a list."""

import sys
import threading

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated, TBinaryProtocolAcceleratedFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import TFramedTransport, TFramedTransportFactory

from bench_thrift import Bench
from bench_thrift.ttypes import Object, Wrapped
from peer import listening, load_blocking, main


class Answers:
    def echo(self, argument):
        return Wrapped(argument)

    def stream(self, objects):
        return [Object(i, True) for i in range(objects)]


class Listener(TServerSocket):
    """Tells its port, which the library's own does not."""

    def listen(self):
        super().listen()
        listening(self.handle.getsockname()[1])


def serve():
    framed, binary = TFramedTransportFactory(), TBinaryProtocolAcceleratedFactory(fallback=False)
    server = TThreadedServer(Bench.Processor(Answers()), Listener("127.0.0.1", 0), framed, binary, daemon=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


def connect(order):
    host, port = order.target.split(":")
    transport = TFramedTransport(TSocket(host, int(port)))
    client = Bench.Client(TBinaryProtocolAccelerated(transport, fallback=False))
    transport.open()
    if order.stream:
        return lambda: len(client.stream(order.size))
    return lambda: len(client.echo(order.text).value)


if __name__ == "__main__":
    main(serve, lambda order: load_blocking(order, connect))
