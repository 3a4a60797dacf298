"""gRPC with grpcio, asyncio. A stream is a server stream, one message for each object."""

import asyncio
import sys
import time

import grpc

import bench
from grpc_blocking import messages, services


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
    bench.listening(port)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


async def load(port, meter):
    tasks = []
    for _ in range(meter.workload.connections):
        # Otherwise all channels of a process share one connection.
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)])
        await channel.channel_ready()
        stub = services.BenchStub(channel)
        tasks += [calls(stub, meter) for _ in range(meter.workload.in_flight)]
    await asyncio.gather(*tasks)


async def calls(stub, meter):
    text = messages.Text(value=bench.payload(meter.workload.echo or 100))
    while True:
        began = time.perf_counter()
        if meter.workload.stream:
            came = 0
            async for _ in stub.Stream(messages.Count(objects=meter.workload.stream)):
                came += 1
        else:
            came = len((await stub.Echo(text)).value)
        if not meter.count(began, came):
            return


if __name__ == "__main__":
    bench.main(lambda: asyncio.run(serve()), lambda port, meter: asyncio.run(load(port, meter)))
