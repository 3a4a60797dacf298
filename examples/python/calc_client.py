"""The client of ../README.md: python calc_client.py TARGET"""

import collections
import json
import sys
import time

import libfast


def code_of(call, *args, **options):
    """The code, and for a server's own error the name, of a call that should fail."""
    try:
        call(*args, **options)
    except libfast.Error as error:
        return f"{error.code} {error.name}".strip()
    return ""


ok = failed = values = 0
servers = collections.Counter()
times = []
with libfast.Client(sys.argv[1], policy="round_robin") as calc:
    for i in range(1000):
        start = time.perf_counter()
        try:
            [answer] = calc.call("add", [i, 1], idempotent=True)
            assert answer["sum"] == i + 1
        except (libfast.Error, AssertionError, ValueError) as error:
            print(f"add {i}: {error!r}", file=sys.stderr)
            failed += 1
            continue
        times.append(time.perf_counter() - start)
        servers[answer["server"]] += 1
        ok += 1

    try:
        for value in calc.stream("range", [1000]):
            values += value == {"value": values}
    except libfast.Error as error:
        print(f"range: {error!r}", file=sys.stderr)

    error = code_of(calc.call, "fail")
    timeout = code_of(calc.call, "slow", [10000], timeout_ms=100)

times.sort()
summary = {
    "language": "python",
    "ok": ok,
    "failed": failed,
    "values": values,
    "servers": servers,
    "p50_us": round(times[len(times) // 2] * 1e6) if times else 0,
    "p99_us": round(times[len(times) * 99 // 100] * 1e6) if times else 0,
    "error": error,
    "timeout": timeout,
}
print(json.dumps(summary))
