"""What the programs share: the two commands, and the load of a client that blocks."""

import json
import os
import sys
import threading

sys.path.append(os.path.join(os.path.dirname(__file__), "../../contenders/python"))
from measured import Meter, Order, now, report  # noqa: E402


def main(serve, load):
    """`serve()` prints where it listens and returns when the input has ended; `load(order)` makes the load and reports."""
    if sys.argv[1:] == ["server"]:
        serve()
        return
    order = Order()
    order.text = "" if order.stream else json.dumps(order.args[0], separators=(",", ":"))
    load(order)


def listening(port):
    print(f"listening {port}", flush=True)


def load_blocking(order, connect):
    """One thread for each call in flight. `connect(order)` gives a function that makes one call."""

    def work(call):
        while True:
            began = now()
            assert call() == order.size
            with lock:
                if not meter.count(began, now()):
                    return

    calls = [connect(order) for _ in range(order.connections)]
    meter, lock = Meter(order), threading.Lock()
    threads = [threading.Thread(target=work, args=(call,)) for call in calls for _ in range(order.in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report([meter], order)
