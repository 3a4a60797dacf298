"""The end of the interpreter with everything under way: code 0 and not a word."""

import pytest

BUSY = """
import asyncio, sys, threading, libfast, libfast.aio, served

address = sys.argv[1]
client = libfast.Client(address, timeout_ms=0)
client.ready()
stream = client.stream("endless")
next(stream)

def short():
    while True:
        client.call("add", [1, 2])

def on_a_loop():
    async def main():
        async with libfast.aio.Client(address) as client:
            stream = client.stream("endless")
            await anext(stream)
            started.release()
            await asyncio.gather(client.call("forever"), *(busy(client) for _ in range(10)))

    async def busy(client):
        while True:
            await client.call("add", [1, 2])

    asyncio.run(main())

started = threading.Semaphore(0)
server = served.make()
own = server.start()

def call_own(method):
    with libfast.Client(own) as client:
        stream = client.stream(method)
        if method == "endless":
            next(stream)
        started.release()
        for value in stream:
            pass

for function, *args in [(short,), (on_a_loop,), (call_own, "endless"), (call_own, "forever"), (call_own, "wait")]:
    threading.Thread(target=function, args=args, daemon=True).start()
for _ in range(4):
    started.acquire()
server.entered.wait()
"""


@pytest.mark.parametrize("turn", range(20))
def test_exit_with_work_under_way(run_python, turn):
    done = run_python(BUSY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_import_starts_nothing(run_python):
    program = "import os, libfast, libfast.aio; assert len(os.listdir('/proc/self/task')) == 1"
    done = run_python(program)
    assert (done.returncode, done.stderr) == (0, "")
