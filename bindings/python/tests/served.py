"""The server that tests call. `release` and the like let a test say when a handler goes on."""

import asyncio
import threading

import libfast


def make(**options):
    """A server that has not started. Its attribute `gate` holds up `wait`; `seen` is what handlers noticed."""
    server = libfast.Server(drain_ms=200, **options)
    server.gate = threading.Event()
    server.entered = threading.Event()
    server.seen = []

    @server.method("add")
    def add(ctx, a, b):
        return a + b

    @server.method("echo")
    async def echo(ctx, *values):
        return list(values)

    @server.method("count")
    def count(ctx, n):
        for i in range(n):
            yield i

    @server.method("count_async")
    async def count_async(ctx, n):
        for i in range(n):
            yield i

    @server.method("nothing")
    def nothing(ctx):
        return None

    @server.method("count_and_return")
    def count_and_return(ctx, n):
        yield from range(n)
        return "end"

    @server.method("fail")
    def fail(ctx, after=0):
        for i in range(after):
            yield i
        raise libfast.RemoteError("asked to fail", name="CalcError", info={"code": 42})

    @server.method("key_error")
    async def key_error(ctx):
        return {}["missing"]

    @server.method("wait")
    def wait(ctx):
        server.entered.set()
        server.gate.wait(60)
        return "waited"

    @server.method("forever")
    async def forever(ctx):
        server.entered.set()
        await asyncio.sleep(3600)

    @server.method("endless")
    def endless(ctx):
        i = 0
        try:
            while not ctx.cancelled:
                yield i
                i += 1
        finally:
            server.seen.append(i)
            server.gate.set()

    @server.method("who")
    def who(ctx, *args):
        return {"method": ctx.method, "peer": ctx.peer, "args": ctx.args, "cancelled": ctx.cancelled}

    return server
