"""libfast in Python with calls that wait, each connection on a thread of its own."""

from concurrent.futures import ThreadPoolExecutor

import libfast
from measured import Meter, Order, now, report


def work(order, client):
    meter = Meter(order)
    ended = now()
    while True:
        began = ended
        if order.stream:
            came = sum(1 for _ in client.stream(order.method, order.args, window=1024))
            assert came == order.size
        else:
            [answer] = client.call(order.method, order.args)
            assert "value" in answer
        ended = now()
        if not meter.count(began, ended):
            return meter


def main():
    order = Order()
    clients = [libfast.Client(order.target) for _ in range(order.connections)]
    for client in clients:
        client.ready()
    if order.connections == 1:
        meters = [work(order, clients[0])]
    else:
        with ThreadPoolExecutor(order.connections) as pool:
            meters = list(pool.map(lambda client: work(order, client), clients))
    report(meters, order)


main()
