"""Servers and announcements."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
import time
from queue import SimpleQueue

import pytest

import libfast
import libfast.aio
import served
from conftest import environment


def until(condition):
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_handlers_of_all_kinds(client):
    assert client.call("add", [1, 2]) == [3]
    assert client.call("echo", [1, [2]]) == [[1, [2]]]
    assert client.call("count", [3]) == client.call("count_async", [3]) == [0, 1, 2]
    assert client.call("count_and_return", [2]) == [0, 1, "end"]


def test_long_streams_wait_for_the_client(client):
    for method in ("count", "count_async"):
        assert sum(client.stream(method, [30_000])) == 30_000 * 29_999 // 2


def test_a_handler_knows_its_request(client):
    [seen] = client.call("who", [1, "x"])
    assert seen.pop("peer")
    assert seen == {"method": "who", "args": [1, "x"], "cancelled": False}


def test_an_exception_is_answered_with_its_type_and_text(client):
    with pytest.raises(libfast.RemoteError) as caught:
        client.call("key_error")
    assert (caught.value.name, caught.value.remote_message) == ("KeyError", "'missing'")
    assert "Traceback" not in str(vars(caught.value))
    with pytest.raises(libfast.RemoteError) as caught:
        client.call("add", [1])
    assert caught.value.name == "TypeError"


def test_answers_that_are_no_json_are_errors(server, client):
    @server.method("unwritable")
    def unwritable(ctx):
        yield 1
        yield object()

    values = []
    with pytest.raises(libfast.RemoteError) as caught:
        for value in client.stream("unwritable"):
            values.append(value)
    assert values == [1] and caught.value.info == {"code": "FAST_E_INVALID"}


def test_errors_of_an_upstream_server_pass_through(server, client):
    @server.method("upstream")
    def upstream(ctx):
        return client.call("fail")

    with pytest.raises(libfast.RemoteError) as caught:
        client.call("upstream")
    assert str(caught.value) == "CalcError: asked to fail"


def test_a_caller_that_goes_away_cancels(server):
    program = "import sys, libfast; c = libfast.Client(sys.argv[1]); next(c.stream('endless')); print('on', flush=True); input()"
    command = [sys.executable, "-c", program, server.address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "on\n"
    process.kill()
    process.wait()
    assert server.gate.wait(10), "the generator was not closed"


@contextlib.contextmanager
def called(client, method):
    """Calls on a thread of its own; yields a list that has the outcome afterwards."""
    outcome = []

    def call():
        try:
            outcome.append(client.call(method))
        except libfast.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    yield outcome
    thread.join(20)


def test_stop_cancels_what_runs_after_the_drain(server, client):
    with called(client, "forever") as outcome:
        server.entered.wait(10)
        server.stop(drain_ms=10)
    assert isinstance(outcome[0], libfast.ConnectionLostError)
    server.stop()
    assert server.address is None


def test_stop_lets_running_handlers_end():
    with served.make() as server, libfast.Client(server.address) as client:
        with called(client, "wait") as outcome:
            server.entered.wait(10)
            server.gate.set()
            server.stop(drain_ms=10_000)
        assert outcome == [["waited"]]


def test_a_server_starts_once(server):
    with pytest.raises(libfast.StateError):
        server.start()
    with pytest.raises(libfast.StateError):
        server.method("add")(print)


def test_wrong_options_are_refused():
    with pytest.raises(libfast.InvalidError, match='did you mean "listen"'):
        libfast.Server(lisen="localhost:0")
    with pytest.raises(libfast.InvalidError, match="threads"):
        libfast.Server(threads=0)


def test_a_server_that_cannot_listen_says_so():
    server = libfast.Server(listen="unix:/nonexistent/folder/socket")
    with pytest.raises(libfast.ConnectError, match="/nonexistent/folder"):
        server.start()
    server.stop()
    assert server.address is None


def test_a_server_on_the_running_loop(tmp_path):
    path = f"unix:{tmp_path}/socket"
    server = served.make(listen=path)
    loops = []

    @server.method("loop")
    async def loop(ctx):
        loops.append(asyncio.get_running_loop())

    async def main():
        serving = asyncio.ensure_future(server.serve())
        async with libfast.aio.Client(path) as client:
            await client.ready()
            await client.call("loop")
            assert loops == [asyncio.get_running_loop()]
            assert await client.call("add", [1, 2]) == [3]
            assert [v async for v in client.stream("count_async", [5000])] == list(range(5000))
            server.stop(drain_ms=10)
            await serving

        async with served.make() as other, libfast.aio.Client(other.address) as client:
            assert await client.call("add", [1, 2]) == [3]

    asyncio.run(main())


def test_two_announced_servers_share_the_calls(tmp_path):
    target = f"dir://{tmp_path}/calc"
    with served.make(announce=target) as one, served.make(announce=target) as two:
        with libfast.Client(target, policy="round_robin") as client:
            client.ready()
            for i in range(20):
                assert client.call("add", [i, 1], idempotent=True) == [i + 1]
            picks = {e["address"]: e["picks"] for e in client.stats()["endpoints"]}
            assert set(picks) == {one.address, two.address}
            assert abs(picks[one.address] - picks[two.address]) <= 1
            two.stop()
            for i in range(20):
                assert client.call("add", [i, 1]) == [i + 1]


def test_an_announcement_of_another_server(tmp_path):
    target = f"dir://{tmp_path}/web"
    announced = libfast.announce(announce=target, advertise="127.0.0.1:8080")
    assert announced.state == "registered"
    announced.set_weight(7)
    announced.set_metadata("version=2")
    with libfast.Client(target) as client:
        assert client.pick().endpoint == "127.0.0.1:8080"
        assert [e["metadata"] for e in client.stats()["endpoints"]] == [{"version": "2"}]
        assert [e["weight"] for e in client.stats()["endpoints"]] == [7]
    heard = SimpleQueue()
    announced.on_announcement(lambda state, error: heard.put((state, error)))
    with pytest.raises(libfast.InvalidError):
        announced.on_announcement("nothing that can be called")
    announced.withdraw()
    announced.withdraw()
    assert announced.state == "closed"
    assert heard.get(timeout=20) == ("closed", None)
    announced.on_announcement(lambda state, error: heard.put((state, error)))
    assert heard.get(timeout=20) == ("closed", None), "whoever comes late hears of the end, too"
    with pytest.raises(libfast.InvalidError):
        libfast.announce(announce=target)

    async def main():
        async with await libfast.aio.announce(announce=target, advertise="127.0.0.1:8080") as announced:
            assert announced.state == "registered"
            await announced.set_metadata("shard=7")
            with libfast.Client(target) as client:
                await asyncio.to_thread(client.pick)
                assert [e["metadata"] for e in client.stats()["endpoints"]] == [{"shard": "7"}]
            closed = asyncio.get_running_loop().create_future()
            announced.on_announcement(lambda state, error: closed.set_result((state, error)))
        assert await asyncio.wait_for(closed, 20) == ("closed", None)

    asyncio.run(main())


def test_a_server_says_when_it_is_ready_and_how_much_it_takes(tmp_path):
    target = f"dir://{tmp_path}/calc"
    server = served.make(announce=target, announce_at_start=False)
    heard = SimpleQueue()
    server.on_announcement(lambda state, error: heard.put((state, error)))
    with server, libfast.Client(target) as client:
        assert server.announcement == "closed"
        with pytest.raises(libfast.NoEndpointError):
            client.call("add", [1, 2])
        server.announce()
        server.announce()
        assert server.announcement == "registered"
        assert heard.get(timeout=20) == ("registered", None)
        client.ready()
        server.set_weight(7)
        weights = lambda: [e["weight"] for e in client.stats()["endpoints"]]
        until(lambda: weights() == [7])
        for wrong in (1_000_001, -1, 1.5, True, 1 << 64):
            with pytest.raises(libfast.InvalidError):
                server.set_weight(wrong)
        server.set_metadata("version=2,shard=7")
        until(lambda: [e["metadata"] for e in client.stats()["endpoints"]] == [{"version": "2", "shard": "7"}])
        with pytest.raises(libfast.InvalidError, match='option "metadata": "version" has no ='):
            server.set_metadata("version")
        with pytest.raises(libfast.InvalidError, match="shorten its metadata"):
            server.set_metadata("version=" + 4096 * "2")
        assert client.call("add", [1, 2]) == [3]
    assert server.announcement == "closed"


def test_a_server_on_a_loop_says_when_it_is_ready(tmp_path):
    target = f"dir://{tmp_path}/calc"

    async def main():
        server = libfast.aio.Server(announce=target, announce_at_start=False)
        registered = asyncio.get_running_loop().create_future()

        @server.on_announcement
        def hear(state, error):
            if state == "registered" and not registered.done():
                registered.set_result(error)

        async with server:
            await server.announce()
            assert await asyncio.wait_for(registered, 20) is None
            await server.set_weight(0)
            await server.set_metadata("version=2")
            with pytest.raises(libfast.InvalidError, match="metadata"):
                await server.set_metadata("version")
            assert server.announcement == "registered"

    asyncio.run(main())


RUN = """
import served
served.make().run(lambda address: print(address, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_stops_on_a_signal(number):
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    with libfast.Client(process.stdout.readline().strip()) as client:
        assert client.call("add", [1, 2]) == [3]
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_server_is_the_parents_after_a_fork(run_python):
    program = """
import os, sys, libfast, served
with served.make() as server:
    child = os.fork()
    if child == 0:
        try:
            server.stop()
        except libfast.ForkedError:
            pass
        with served.make() as other, libfast.Client(other.address) as client:
            assert client.call("add", [1, 2]) == [3]
        sys.exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    with libfast.Client(server.address) as client:
        assert client.call("add", [1, 2]) == [3]
"""
    done = run_python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_rate_limits_change_and_clients_are_turned_away_while_a_server_runs():
    with libfast.Server(rate_limits="method=add rate=0 burst=1") as limited:
        limited.method("add")(lambda ctx, a, b: a + b)
        with libfast.Client(limited.address, retries=0) as caller:
            assert caller.call("add", [1, 2]) == [3]
            with pytest.raises(libfast.OverloadError, match="method=add"):
                caller.call("add", [1, 2])
            with pytest.raises(libfast.InvalidError):
                limited.set_rate_limits("rate=fast")
            limited.set_rate_limits("")
            assert caller.call("add", [1, 2]) == [3]
            limited.kick("127.0.0.1", 60_000)
            with pytest.raises(libfast.OverloadError, match="turned away"):
                caller.call("add", [1, 2])
            limited.kick("127.0.0.1", 0)
            assert caller.call("add", [1, 2]) == [3]
