"""Handlers whose callers read slowly, end their side, or go away; and the end of accepting."""

import asyncio
import gc
import socket
import threading
import weakref

import pytest

import libfast
import libfast.aio
import wire

LARGE = "x" * 100_000
TIMES = 60


def large_server():
    """Answers more than the system's buffers hold, with next to no room of its own."""
    server = libfast.Server(write_limit_bytes=4096, write_buffer_bytes=4096, threads=4)
    server.entered = threading.Semaphore(0)

    @server.method("value")
    def value(ctx):
        server.entered.release()
        return LARGE

    @server.method("value_async")
    async def value_async(ctx):
        server.entered.release()
        return LARGE

    @server.method("values")
    def values(ctx):
        server.entered.release()
        for _ in range(TIMES):
            yield LARGE
        return "last"

    @server.method("values_async")
    async def values_async(ctx):
        server.entered.release()
        for _ in range(TIMES):
            yield LARGE

    @server.method("add")
    async def add(ctx, a, b):
        return a + b

    return server


@pytest.mark.parametrize("method", ["value", "value_async", "values", "values_async"])
def test_an_answer_waits_for_a_slow_caller_and_is_complete(method):
    with large_server() as server, wire.connect(server.address) as slow, libfast.Client(server.address) as client:
        requests, each = (3, TIMES) if method.startswith("values") else (TIMES, 1)
        for id in range(1, requests + 1):
            slow.sendall(wire.request(method, id=id))
        server.entered.acquire(timeout=30)
        # What waits holds up neither the loop nor the callers on other connections.
        assert client.call("add", [1, 2]) == [3]
        ended, values = 0, 0
        for _, status, data in wire.messages(slow):
            assert status != 3, data
            values += sum(value == LARGE for value in data["d"])
            ended += status == 2
            if ended == requests:
                break
        assert values == requests * each


@pytest.mark.parametrize("method", ["value", "values", "values_async", "value_async"])
def test_an_answer_to_a_caller_that_is_gone_is_let_go(method):
    with large_server() as server, libfast.Client(server.address) as client:
        for _ in range(5):
            with wire.connect(server.address) as slow:
                for id in range(1, 21):
                    slow.sendall(wire.request(method, id=id))
                assert server.entered.acquire(timeout=30)
        # Every thread of the pool is free again.
        assert client.call("value") == [LARGE]
        assert len(client.call("values")) == TIMES + 1
        server.stop_accepting()
        client.close()
        assert server.wait_connections_closed(20_000)


def test_an_answer_after_its_caller_is_gone_has_no_effect_and_nothing_is_kept(tmp_path):
    class Kept:
        pass

    kept = []
    server = libfast.Server(listen=f"unix:{tmp_path}/socket")
    entered, gate = threading.Event(), threading.Event()

    @server.method("late")
    def late(ctx):
        held = Kept()
        kept.append(weakref.ref(held))
        entered.set()
        gate.wait(30)
        assert ctx.cancelled and ctx.half_closed
        return "late"

    @server.method("cancelled")
    def cancelled(ctx):
        return ctx.cancelled

    with server:
        # A Unix socket that is closed is known to be gone.
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(f"{tmp_path}/socket")
            caller.sendall(wire.request("late"))
            assert entered.wait(10)
        assert server.wait_connections_closed(20_000)
        gate.set()
        with libfast.Client(server.address) as client:
            assert client.call("cancelled") == [False]
    for _ in range(3):
        gc.collect()
    assert [ref() for ref in kept] == [None]


def test_a_handler_that_never_answers_is_its_callers_timeout_and_ends_with_the_server(server, client):
    with pytest.raises(libfast.TimeoutError):
        client.call("forever", timeout_ms=50)
    assert client.stats()["in_flight"] == 0 and client.call("add", [1, 2]) == [3]
    server.stop(drain_ms=0)
    assert client.stats()["in_flight"] == 0


def test_a_handler_knows_how_long_its_caller_waits(server):
    server.method("left")(lambda ctx: ctx.remaining)
    with libfast.Client(server.address, timeout_ms=60_000) as client:
        # From the second call on: the first finds out that this server understands it.
        left = next(filter(None, (client.call("left") for _ in range(10_000))))[0]
        assert 0 < left <= 60
    with libfast.Client(server.address, send_deadline=False) as client:
        assert client.call("left") == []


def test_a_handler_knows_that_its_caller_ended_its_side(server):
    seen, gate = [], threading.Event()

    @server.method("half")
    def half(ctx):
        seen.append(ctx.half_closed)
        server.entered.set()
        gate.wait(30)
        while not ctx.half_closed:
            pass
        return ctx.cancelled

    with wire.connect(server.address) as caller:
        caller.sendall(wire.request("half"))
        assert server.entered.wait(10)
        caller.shutdown(socket.SHUT_WR)
        gate.set()
        # It still waits for the answer, and gets it.
        answer = [data["d"] for _, _, data in wire.messages(caller)]
    assert (seen, answer[0]) == ([False], [False])


def test_a_server_that_accepts_no_more_serves_those_who_are_there(server, client):
    assert client.call("add", [1, 2]) == [3]
    server.stop_accepting()
    server.stop_accepting()
    with pytest.raises(OSError):
        wire.connect(server.address)
    assert client.call("add", [1, 2]) == [3]
    assert server.wait_connections_closed(20) is False
    client.close()
    assert server.wait_connections_closed() is True


def test_a_server_on_its_loop_waits_without_holding_it_up():
    server = libfast.aio.Server()

    @server.method("refused")
    async def refused(ctx):
        with pytest.raises(libfast.Error) as caught:
            threaded.stop_accepting()
        return caught.value.code

    @server.method("add")
    async def add(ctx, a, b):
        return a + b

    threaded = libfast.Server()
    threaded.method("refused")(refused)

    async def main():
        await server.stop()
        address = await server.start()
        assert server.address == address
        with pytest.raises(libfast.StateError):
            await server.start()
        async with libfast.aio.Client(address) as client:
            assert await client.call("add", [1, 2]) == [3]
            await server.stop_accepting()
            assert not await server.wait_connections_closed(timeout_ms=10)
            waiting = asyncio.ensure_future(server.wait_connections_closed())
            # The loop goes on serving meanwhile.
            assert await client.call("add", [3, 4]) == [7] and not waiting.done()
        assert await asyncio.wait_for(waiting, 20)
        await asyncio.gather(server.stop(), server.stop())
        assert server.address is None

        serving = libfast.aio.Server(listen="127.0.0.1:0")
        task = asyncio.ensure_future(serving.serve())
        while serving.address is None:
            await asyncio.sleep(0.001)
        await serving.stop(drain_ms=0)
        await asyncio.wait_for(task, 20)

    asyncio.run(main())
    with threaded, libfast.Client(threaded.address) as client:
        assert client.call("refused") == ["FAST_E_DEADLOCK"]
