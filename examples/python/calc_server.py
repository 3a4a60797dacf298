"""The server of ../README.md: python calc_server.py TARGET [NAME]"""

import asyncio
import os
import sys
import threading

import libfast

target = sys.argv[1]
name = sys.argv[2] if len(sys.argv) > 2 else "python"
server = libfast.Server(announce=target)


@server.method("add")
async def add(ctx, a, b):
    return {"sum": a + b, "server": name}


@server.method("echo")
async def echo(ctx, *values):
    for value in values:
        yield {"value": value}


@server.method("range")
async def range_(ctx, n):
    for i in range(n):
        yield {"value": i}


@server.method("slow")
async def slow(ctx, ms):
    await asyncio.sleep(ms / 1000)
    return {"slept": ms}


@server.method("fail")
def fail(ctx):
    raise libfast.RemoteError("asked to fail", name="CalcError", info={"code": 42})


def stop_with_input():
    while os.read(0, 4096):
        pass
    server.stop()


def started(address):
    print("listening", address, flush=True)
    threading.Thread(target=stop_with_input, daemon=True).start()


server.run(started)
