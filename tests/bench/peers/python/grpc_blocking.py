"""gRPC with grpcio, blocking: a pool of threads serves. A stream is a server stream, one message for each object."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from peer import listening, load_blocking, main

sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
messages, services = grpc.protos_and_services("bench.proto")


class Answers(services.BenchServicer):
    def Echo(self, request, context):
        return request

    def Stream(self, request, context):
        for i in range(request.objects):
            yield messages.Object(i=i, on=True)


def serve():
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    services.add_BenchServicer_to_server(Answers(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    listening(port)
    sys.stdin.read()
    server.stop(None).wait()


def connect(order):
    # Otherwise all channels of a process share one connection.
    channel = grpc.insecure_channel(order.target, [("grpc.use_local_subchannel_pool", 1)])
    grpc.channel_ready_future(channel).result(timeout=5)
    stub = services.BenchStub(channel)
    if order.stream:
        return lambda: sum(1 for _ in stub.Stream(messages.Count(objects=order.size)))
    text = messages.Text(value=order.text)
    return lambda: len(stub.Echo(text).value)


if __name__ == "__main__":
    main(serve, lambda order: load_blocking(order, connect))
