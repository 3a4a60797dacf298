"""gRPC with grpcio, asyncio. A stream is a server stream, one message for each object."""

import asyncio
import sys

import grpc

from grpc_blocking import messages, services
from peer import Meter, listening, main, now, report


class Answers(services.BenchServicer):
    async def Echo(self, request, context):
        return request

    async def Stream(self, request, context):
        for i in range(request.objects):
            yield messages.Object(i=i, on=True)


async def serve():
    server = grpc.aio.server()
    services.add_BenchServicer_to_server(Answers(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    listening(port)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


async def load(order):
    stubs = []
    for _ in range(order.connections):
        # Otherwise all channels of a process share one connection.
        channel = grpc.aio.insecure_channel(order.target, [("grpc.use_local_subchannel_pool", 1)])
        await channel.channel_ready()
        stubs.append(services.BenchStub(channel))
    meter = Meter(order)
    await asyncio.gather(*(work(order, stub, meter) for stub in stubs for _ in range(order.in_flight)))
    report([meter], order)


async def work(order, stub, meter):
    text = messages.Text(value=order.text)
    while True:
        began = now()
        if order.stream:
            came = 0
            async for _ in stub.Stream(messages.Count(objects=order.size)):
                came += 1
        else:
            came = len((await stub.Echo(text)).value)
        assert came == order.size
        if not meter.count(began, now()):
            return


if __name__ == "__main__":
    main(lambda: asyncio.run(serve()), lambda order: asyncio.run(load(order)))
