"""What an error says of the failure of a call, and what handlers can say in one."""

import asyncio
import pickle
import threading

import pytest

import libfast
import libfast.aio


def failure(call):
    with pytest.raises(libfast.Error) as caught:
        call()
    return caught.value


def test_each_failure_of_a_call_tells_its_cause(server, client, tmp_path):
    error = failure(lambda: client.call("fail"))
    assert (error.cause_name, error.merged_info["rpcMethod"]) == ("FastServerError", "fail")
    assert error.merged_info["code"] == 42 and error.merged_info["rpcMsgid"] > 0
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    error = failure(lambda: client.call("forever", timeout_ms=30))
    assert (error.cause_name, error.merged_info["timeout"]) == ("TimeoutError", 30)
    with libfast.Client(f"unix:{tmp_path}/missing", retries=0) as nobody:
        error = failure(lambda: nobody.call("add"))
    assert (error.cause_name, error.merged_info) == ("FastTransportError", {"rpcMethod": "add"})
    error = failure(lambda: client.call("add", {"a": 1}))
    assert (error.cause_name, error.merged_info) == ("", None)


def test_an_abandoned_call_tells_which_it_was(server, client):
    stream = client.stream("forever")
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(failure(lambda: next(stream))))
    thread.start()
    server.entered.wait(10)
    stream.abandon()
    thread.join(10)
    [error] = outcome
    assert (error.cause_name, error.merged_info["rpcMethod"]) == ("FastRequestAbandonedError", "forever")

    async def main():
        async with libfast.aio.Client(server.address) as client:
            stream = client.stream("forever")
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            stream.abandon()
            with pytest.raises(libfast.AbandonedError) as caught:
                await waiting
            assert caught.value.cause_name == "FastRequestAbandonedError"
            assert caught.value.merged_info["rpcMethod"] == "forever"

    asyncio.run(main())


def test_what_is_under_way_when_its_client_closes_fails(server):
    client = libfast.Client(server.address)
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(failure(lambda: client.call("forever"))))
    thread.start()
    server.entered.wait(10)
    client.close()
    thread.join(10)
    [error] = outcome
    assert isinstance(error, libfast.ClosedError)
    assert (error.cause_name, error.merged_info["rpcMethod"]) == ("FastTransportError", "forever")


def test_a_handler_fails_with_all_that_an_error_has(server, client):
    info, context, behind = {"row": 7}, [1, {"a": None}], [{"name": "Deep"}]

    @server.method("all")
    def all_of_it(ctx):
        raise libfast.RemoteError("no", name="RowError", info=info, context=context, ase_errors=behind)

    @server.method("upstream")
    async def upstream(ctx):
        async with libfast.aio.Client(server.address) as client:
            return await client.call("all")

    for method in ("all", "upstream"):
        error = failure(lambda: client.call(method))
        assert (error.name, error.remote_message, error.message) == ("RowError", "no", "RowError: no")
        assert (error.info, error.context, error.ase_errors) == (info, context, behind)
    error = failure(lambda: client.call("key_error"))
    # As node-fast has it, a server always sends a context.
    assert (error.info, error.context, error.ase_errors) == ({}, {}, None)


class Hostile(Exception):
    def __str__(self):
        raise ValueError("no text")


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "raised, name",
    [
        (ValueError("\ud800"), "ValueError"),
        (Hostile(), "Hostile"),
        (ValueError("x" * 20_000_000), "ValueError"),
        (libfast.RemoteError("no", name="Own", info={"a": object()}), "Own"),
        (libfast.RemoteError("no", name="Own", context=DEEP), "Own"),
        (libfast.RemoteError("\ud800", name="Own", ase_errors={1, 2}), "Own"),
        (SystemExit(3), "SystemExit"),
    ],
    ids=["surrogate", "hostile", "large", "unwritable", "deep", "odd", "exit"],
)
def test_whatever_a_handler_raises_is_an_answer(server, client, raised, name):
    @server.method("raise")
    def fail(ctx):
        raise raised

    @server.method("raise_async")
    async def fail_async(ctx):
        raise raised

    # More often than there are threads: none is lost.
    for _ in range(10):
        assert failure(lambda: client.call("raise")).name == name
    if not isinstance(raised, SystemExit):
        assert failure(lambda: client.call("raise_async")).name == name
    assert client.call("add", [1, 2]) == [3]


def test_a_full_server_is_an_overload(server):
    with libfast.Server(max_inflight=1) as full:
        entered, gate = threading.Event(), threading.Event()

        @full.method("wait")
        def wait(ctx):
            entered.set()
            gate.wait(30)

        with libfast.Client(full.address, retries=0) as client:
            thread = threading.Thread(target=client.call, args=("wait",))
            thread.start()
            entered.wait(10)
            error = failure(lambda: client.call("wait"))
            gate.set()
            thread.join()
    assert isinstance(error, libfast.OverloadError) and error.retriable
    assert (error.name, error.cause_name) == ("FastOverloaded", "FastServerError")


def test_a_call_is_buffered_in_part(server, client):
    for most, values in [(0, []), (2, [0, 1]), (9, [0, 1, 2])]:
        assert client.call_buffered("count", [3], max_values=most) == (values, 3, None)
        buffered = client.call_buffered("fail", [3], max_values=most)
        assert (buffered.values, buffered.count) == (values, 3)
        assert isinstance(buffered.error, libfast.RemoteError) and buffered.error.name == "CalcError"
    refused = client.call_buffered("add", {"a": 1}, max_values=1)
    assert (refused.values, refused.count, type(refused.error)) == ([], 0, libfast.InvalidError)
    for most in (-1, 1.5, None, 1 << 64):
        with pytest.raises(libfast.InvalidError, match="max_values"):
            client.call_buffered("add", [1, 2], max_values=most)

    async def main():
        async with libfast.aio.Client(server.address) as client:
            assert await client.call_buffered("count", [3], max_values=2) == ([0, 1], 3, None)
            buffered = await client.call_buffered("fail", [3], max_values=2)
            assert (buffered.values, buffered.count, buffered.error.name) == ([0, 1], 3, "CalcError")
            late = await client.call_buffered("forever", max_values=2, timeout_ms=30)
            assert (late.count, type(late.error)) == (0, libfast.TimeoutError)

    asyncio.run(main())
