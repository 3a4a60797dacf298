"""What the programs share: the two commands, the loads, and how a client measures. The same as `tests/bench/src`."""

import json
import sys
import threading
import time
from collections import namedtuple

WARM_UP = 0.3

Workload = namedtuple("Workload", "connections in_flight echo stream", defaults=(0,))
WORKLOADS = {
    "lat": Workload(1, 1, 100),
    "1x64": Workload(1, 64, 100),
    "1x256": Workload(1, 256, 100),
    "16x16": Workload(16, 16, 100),
    "50x1": Workload(50, 1, 100),
    "s1k": Workload(1, 1, 0, 1_000),
    "s100k": Workload(1, 1, 0, 100_000),
    "1MB": Workload(1, 1, 1 << 20),
}


def payload(size):
    """A JSON object of exactly so many bytes."""
    value = {"id": 12345, "name": "bench", "on": True, "text": ""}
    value["text"] = "x" * (size - len(json.dumps(value, separators=(",", ":"))))
    return json.dumps(value, separators=(",", ":"))


class Meter:
    """When to count, and when to stop."""

    def __init__(self, workload, seconds):
        self.workload, self.seconds = workload, seconds
        self.counting = time.perf_counter() + WARM_UP
        self.end = self.counting + seconds
        self.latencies = []

    def count(self, began, came):
        """Counts one call that brought so much; false once the time is over."""
        now = time.perf_counter()
        expected = self.workload.stream or self.workload.echo
        if came != expected:
            raise RuntimeError(f"the answer has {came} instead of {expected}")
        if began >= self.counting and now <= self.end:
            self.latencies.append(now - began)
        return now < self.end

    def report(self):
        """The line that the client prints."""
        latencies, calls = sorted(self.latencies), len(self.latencies)
        units = self.workload.stream or (self.workload.echo if self.workload.echo > 1000 else 1)

        def at(quantile):
            return latencies[int(quantile * calls)] * 1e6 if calls else 0

        figures = {"per_second": calls * units / self.seconds, "calls": calls}
        return json.dumps(figures | {"p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999)})


def load_blocking(port, meter, connect):
    """One thread for each call in flight. `connect(port, workload)` gives a function that makes one call."""

    def calls(call):
        while True:
            began = time.perf_counter()
            if not meter.count(began, call()):
                return

    threads = []
    for _ in range(meter.workload.connections):
        call = connect(port, meter.workload)
        for _ in range(meter.workload.in_flight):
            threads.append(threading.Thread(target=calls, args=(call,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def listening(port):
    print(f"listening {port}", flush=True)


def main(serve, load):
    """`serve()` prints where it listens and returns when the input has ended; `load(port, meter)` makes the load."""
    match sys.argv[1:]:
        case ["server"]:
            serve()
        case ["client", port, name, seconds] if name in WORKLOADS:
            meter = Meter(WORKLOADS[name], float(seconds))
            load(int(port), meter)
            print(meter.report())
        case _:
            sys.exit(f"write `server`, or `client PORT WORKLOAD SECONDS`; workloads: {', '.join(WORKLOADS)}")
