"""What a client was told, and what it measures. As ../../src/measured.rs."""

import json
import sys
from time import perf_counter_ns as now

WARM_UP = 300_000_000
# Latencies kept by one meter; later calls are counted without.
LATENCIES = 1 << 22


class Order:
    """The command line."""

    def __init__(self):
        try:
            command, port, _, seconds, connections, in_flight, self.method, size, units = sys.argv[1:]
            if command != "client":
                raise ValueError(command)
        except ValueError:
            sys.exit("usage: client PORT WORKLOAD SECONDS CONNECTIONS IN_FLIGHT METHOD SIZE UNITS")
        self.target = f"127.0.0.1:{port}"
        self.duration = int(float(seconds) * 1e9)
        self.connections, self.in_flight = int(connections), int(in_flight)
        self.size, self.units = int(size), int(units)
        self.stream = self.method == "stream"
        self.args = [self.size if self.stream else payload(self.size)]


def payload(size):
    """An object of so many bytes as JSON."""
    value = {"id": 12345, "name": "bench", "on": True, "text": ""}
    value["text"] = "x" * (size - len(json.dumps(value, separators=(",", ":"))))
    return value


class Meter:
    """When to count, and when to stop. Of one thread."""

    def __init__(self, order):
        self.counting = now() + WARM_UP
        self.duration = order.duration
        self.first = self.last = 0
        self.calls = self.made = 0
        self.latencies = []

    def count(self, began, ended):
        """Counts one call; False once the time is over."""
        self.made += 1
        if not self.first:
            if ended >= self.counting:
                self.first = self.last = ended
        elif self.last - self.first < self.duration:
            self.last = ended
            self.calls += 1
            if self.calls <= LATENCIES:
                self.latencies.append(ended - began)
        return self.last - self.first < self.duration


def report(meters, order):
    """Prints the line of a client."""
    meters = [meter for meter in meters if meter.calls]
    if not meters:
        sys.exit("no call was counted: measure for longer")
    latencies = sorted(latency for meter in meters for latency in meter.latencies)

    def at(quantile):
        return latencies[int(len(latencies) * quantile)] / 1e3

    print(
        json.dumps(
            {
                "per_second": sum(meter.calls * order.units * 1e9 / (meter.last - meter.first) for meter in meters),
                "calls": sum(meter.calls for meter in meters),
                "made": sum(meter.made for meter in meters),
                "p50_us": at(0.5),
                "p99_us": at(0.99),
                "p999_us": at(0.999),
            }
        )
    )
