"""What programs put around calls, on both sides."""

import asyncio
import pickle
import time

import pytest

import libfast
import libfast.aio


class Sync:
    """Calls as a program with threads makes them."""

    def __init__(self, target, **options):
        self.client = libfast.Client(target, **options)

    def call(self, *args, **options):
        return self.client.call(*args, **options)

    def stream(self, *args, **options):
        return list(self.client.stream(*args, **options))

    def buffered(self, *args, **options):
        return self.client.call_buffered(*args, **options)

    def first(self, *args):
        """The first value of a stream that is left then."""
        with self.client.stream(*args) as stream:
            return next(stream)

    def close(self):
        self.client.close()


class Asyncio:
    """The same calls, awaited."""

    def __init__(self, target, **options):
        self.client = libfast.aio.Client(target, **options)
        self.runner = asyncio.new_event_loop()

    def run(self, coroutine):
        return self.runner.run_until_complete(asyncio.wait_for(coroutine, 30))

    def call(self, *args, **options):
        return self.run(self.client.call(*args, **options))

    def stream(self, *args, **options):
        async def values():
            return [value async for value in self.client.stream(*args, **options)]

        return self.run(values())

    def buffered(self, *args, **options):
        return self.run(self.client.call_buffered(*args, **options))

    def first(self, *args):
        async def value():
            async with self.client.stream(*args) as stream:
                return await stream.__anext__()

        return self.run(value())

    def close(self):
        self.run(self.client.close())
        self.runner.close()


@pytest.fixture(params=[Sync, Asyncio])
def made(request):
    """Makes clients of one kind, and closes them."""
    clients = []

    def make(target, **options):
        clients.append(request.param(target, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def shown(error):
    return "ok" if error is None else getattr(error, "code", type(error).__name__)


def log(what, lines):
    """Writes down what three interceptors see of each call."""

    def add(name):
        @what.intercept
        def see(call):
            lines.append(f"{name} {call.method} {call.args}")
            call.on_end(lambda end: lines.append(f"{name} ended: {end.values} values, {shown(end.error)}"))

    for name in ["first", "second", "third"]:
        add(name)


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# "echo" is asynchronous in the server, "add" is not.
@pytest.mark.parametrize("method", ["add", "echo"])
def test_three_see_a_call_in_order_and_its_end_in_reverse(server, made, method):
    client, here, there = made(server.address), [], []
    log(client.client, here)
    log(server, there)
    expected = [3] if method == "add" else [[1, 2]]
    assert client.call(method, [1, 2]) == expected
    names = ["first", "second", "third"]
    began = [f"{name} {method} [1, 2]" for name in names]
    ended = [f"{name} ended: 1 values, ok" for name in reversed(names)]
    assert here == began + ended
    until(lambda: len(there) == len(here))
    assert there == here


def test_a_clients_interceptor_answers_or_fails_a_call_and_nobody_after_it_sees_it(made):
    # Nobody listens there.
    client, ends = made("127.0.0.1:1"), []

    @client.client.intercept
    def see(call):
        call.on_end(lambda end: ends.append((call.method, end.values, shown(end.error), end.endpoint, end.attempts)))

    @client.client.intercept
    def decide(call):
        if call.method == "two":
            call.answer(1)
            call.answer({"two": 2})
        elif call.method == "none":
            call.answer(None)
        else:
            raise LookupError("not today")

    @client.client.intercept
    def never(call):
        raise AssertionError(f"{call.method} went on")

    assert client.call("two") == [1, {"two": 2}]
    assert client.call("none") == []
    assert client.stream("two") == [1, {"two": 2}]
    assert client.buffered("two", max_values=1) == ([1], 2, None)
    for how in (client.call, client.stream):
        with pytest.raises(LookupError):
            how("other")
    two, other = ("two", 2, "ok", "", 0), ("other", 0, "LookupError", "", 0)
    assert ends == [two, ("none", 0, "ok", "", 0), two, two, other, other]


@pytest.mark.parametrize("method", ["count_and_return", "count_async"])
def test_a_servers_interceptor_answers_or_refuses_and_no_handler_runs(server, made, method):
    client, turns = made(server.address), []

    @server.intercept
    def decide(call):
        assert call.peer.startswith("127.0.0.1:") and call.context.method == method
        turns.append(call.args)
        if len(turns) == 1:
            call.answer(7, 8)
        elif len(turns) == 2:
            call.answer(None)
        elif len(turns) == 3:
            raise libfast.RemoteError("not you", name="Denied", info={"role": "guest"})

    assert client.call(method, [1]) == [7, 8]
    assert client.call(method, [1]) == []
    with pytest.raises(libfast.RemoteError) as denied:
        client.call(method, [1])
    assert (denied.value.name, denied.value.info) == ("Denied", {"role": "guest"})
    assert client.call(method, [1])[0] == 0
    assert turns == [[1]] * 4


def test_arguments_and_options_may_be_changed(server, made):
    client = made(server.address)

    @client.client.intercept
    def change(call):
        assert call.target == server.address
        if call.method == "add":
            call.args = [20, 22]
        else:
            call.options["timeout_ms"] = 1

    assert client.call("add", [1, 2]) == [42]
    with pytest.raises(libfast.TimeoutError):
        client.call("forever")


def test_one_that_raises_hurts_only_its_call(server, made, caplog):
    client, turns = made(server.address), []

    @server.intercept
    def once(call):
        turns.append(call)
        call.on_end(lambda end: 1 / 0)
        if len(turns) == 1:
            raise KeyError("before the handler")

    @client.client.intercept
    def beside(call):
        call.on_value(lambda value: 1 / 0)

    with pytest.raises(libfast.RemoteError) as failed:
        client.call("add", [1, 2])
    assert failed.value.name == "KeyError"
    assert client.call("add", [1, 2]) == [3]
    until(lambda: len(caplog.records) == 3)
    assert {record.message for record in caplog.records} == {"an interceptor failed beside a call"}


@pytest.mark.parametrize("method", ["count", "count_async"])
def test_each_value_of_a_stream_is_seen_on_both_sides(server, made, method):
    client, here, there, outcomes = made(server.address), [], [], []
    for what, lines in ((client.client, here), (server, there)):

        @what.intercept
        def see(call, lines=lines):
            call.on_value(lines.append)
            call.on_end(lambda end: (lines.append("end"), outcomes.append(end)))

    assert client.stream(method, [3]) == [0, 1, 2]
    until(lambda: len(outcomes) == 2)
    assert here == there == [0, 1, 2, "end"]
    (end,) = (end for end in outcomes if end.endpoint == server.address)
    assert (end.values, end.error, end.attempts) == (3, None, 1) and end.duration_s > 0
    outcomes.clear()
    assert client.first(method, [3]) == 0
    until(lambda: len(outcomes) == 2)
    (end,) = (end for end in outcomes if end.endpoint == server.address)
    assert (end.values, shown(end.error), end.attempts) == (1, "FAST_E_ABANDONED", 1)


def test_a_server_hears_that_the_caller_is_gone(server, made):
    ends = []

    @server.intercept
    def see(call):
        call.on_end(ends.append)

    client = libfast.Client(server.address)
    with client.stream("endless") as values:
        next(values)
    client.close()
    until(lambda: ends)
    assert ends[0].error.code == "FAST_E_CLOSED"


def test_the_outcome_says_where_and_how_often(server, made):
    client, ends = made(f"127.0.0.1:1,{server.address}", policy="round_robin"), []

    @client.client.intercept
    def see(call):
        call.on_end(ends.append)

    for _ in range(2):
        assert client.call("add", [1, 2]) == [3]
    values, count, error = client.buffered("fail", [2], max_values=1)
    assert (values, count, error.name) == ([0], 2, "CalcError")
    assert any(end.attempts == 2 for end in ends) and all(end.endpoint == server.address for end in ends)
    assert (ends[-1].values, ends[-1].error) == (2, error)


def test_those_of_asyncio_may_be_asynchronous(server):
    async def test():
        async with libfast.aio.Client(server.address) as client:

            @client.intercept
            async def change(call):
                await asyncio.sleep(0)
                call.args = [20, 22]

            assert await client.call("add", [1, 2]) == [42]
            assert [value async for value in client.stream("add", [1, 2])] == [42]

    # Also in a server whose handlers run on threads.
    @server.intercept
    async def wait(call):
        await asyncio.sleep(0)

    asyncio.run(test())
    with libfast.Client(server.address) as client:
        client.intercept(wait)
        with pytest.raises(libfast.InvalidError, match="asynchronous"):
            client.call("add", [1, 2])


def of_a_module(call):
    call.answer("mine")


def test_a_pickled_client_keeps_its_interceptors():
    client = libfast.Client("127.0.0.1:1")
    client.intercept(of_a_module)
    assert pickle.loads(pickle.dumps(client)).call("any") == ["mine"]
