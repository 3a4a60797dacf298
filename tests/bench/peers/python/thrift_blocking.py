"""Apache Thrift: a thread for each connection, one call at a time on it. A stream is one answer that holds a list."""

import sys
import threading

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated, TBinaryProtocolAcceleratedFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import TFramedTransport, TFramedTransportFactory

import bench
from bench_thrift import Bench
from bench_thrift.ttypes import Object, Wrapped


class Answers:
    def echo(self, argument):
        return Wrapped(argument)

    def stream(self, objects):
        return [Object(i, True) for i in range(objects)]


class Listener(TServerSocket):
    """Tells its port, which the library's own does not."""

    def listen(self):
        super().listen()
        bench.listening(self.handle.getsockname()[1])


def serve():
    framed, binary = TFramedTransportFactory(), TBinaryProtocolAcceleratedFactory(fallback=False)
    server = TThreadedServer(Bench.Processor(Answers()), Listener("127.0.0.1", 0), framed, binary, daemon=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


def connect(port, workload):
    transport = TFramedTransport(TSocket("127.0.0.1", port))
    client = Bench.Client(TBinaryProtocolAccelerated(transport, fallback=False))
    transport.open()
    if workload.stream:
        return lambda: len(client.stream(workload.stream))
    argument = bench.payload(workload.echo)
    return lambda: len(client.echo(argument).value)


def load(port, meter):
    if meter.workload.in_flight > 1:
        sys.exit("a connection of Apache Thrift for Python takes one call at a time")
    bench.load_blocking(port, meter, connect)


if __name__ == "__main__":
    bench.main(serve, load)
