"""libfast in Python with asyncio, each call under way in a task of its own."""

import asyncio

import libfast.aio
from measured import Meter, Order, now, report


async def work(order, client, meter):
    while True:
        began = now()
        if order.stream:
            came = 0
            async for _ in client.stream(order.method, order.args, window=1024):
                came += 1
            assert came == order.size
        else:
            [answer] = await client.call(order.method, order.args)
            assert "value" in answer
        if not meter.count(began, now()):
            return


async def main():
    order = Order()
    clients = [libfast.aio.Client(order.target) for _ in range(order.connections)]
    for client in clients:
        await client.ready()
    meter = Meter(order)
    await asyncio.gather(*(work(order, client, meter) for client in clients for _ in range(order.in_flight)))
    report([meter], order)


asyncio.run(main())
