"""Calls, streams and errors of the client for threads."""

import copy
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

import libfast
from conftest import environment


def test_a_call_returns_all_values(client):
    assert client.call("add", [1, 2]) == [3]
    assert client.call("add", (1, 2)) == [3]
    assert client.call("count", [3]) == [0, 1, 2]
    assert client.call("nothing") == []


def test_bytes_are_json_already(client):
    assert client.call("add", b"[1, 2]") == [3]


def test_text_and_large_numbers_survive(client):
    args = ["grüße \U0001f600", 2**70, -1.5, True, None, {"a": ["\u2028"]}]
    assert client.call("echo", args) == [args]


def test_half_a_surrogate_pair_comes_back_as_it_went(client):
    for value in ("\ud800", "é\udc00\ud83d😀", {"\udfff": "\\"}):
        assert client.call("echo", [value]) == [[value]]


@pytest.mark.parametrize("text", [b"[" * 9000 + b"]" * 9000, b"1" * 5000], ids=["deep", "long"])
def test_what_python_cannot_hold_is_an_error_of_the_library(server, client, text):
    server.method("text")(lambda ctx: text)
    stream = client.stream("text")
    for fetch in (lambda: client.call("text"), lambda: next(stream)):
        with pytest.raises(libfast.ProtocolError, match="Python cannot hold the value that came: "):
            fetch()
    assert list(stream) == []
    with pytest.raises(libfast.RemoteError) as caught:
        client.call("echo", b"[" + text + b"]")
    assert (caught.value.name, caught.value.info) == ("ProtocolError", {"code": "FAST_E_PROTOCOL"})


def test_a_stream_gives_values_as_they_come(client):
    stream = client.stream("count", [5000])
    assert next(stream) == 0
    assert list(stream) == list(range(1, 5000))
    assert list(stream) == []


def test_an_error_of_the_server_has_its_name_message_and_info(client):
    with pytest.raises(libfast.RemoteError) as caught:
        client.call("fail")
    error = caught.value
    assert (error.code, error.name, error.info) == ("FAST_E_REMOTE", "CalcError", {"code": 42})
    assert error.message == str(error) == "CalcError: asked to fail"
    assert error.endpoint and not error.retriable
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_values_before_an_error_come_first(client):
    values = []
    with pytest.raises(libfast.RemoteError):
        for value in client.stream("fail", [3]):
            values.append(value)
    assert values == [0, 1, 2]


def test_a_timeout_is_a_builtin_timeout_too(client):
    with pytest.raises(TimeoutError) as caught:
        client.call("forever", timeout_ms=50)
    assert isinstance(caught.value, libfast.TimeoutError)
    assert caught.value.code == "FAST_E_TIMEOUT"
    assert client.call("add", [1, 2]) == [3]


@pytest.mark.parametrize("args", [{"a": 1}, 7, "text", b"[1", [object()], None])
def test_arguments_that_are_no_json_array_are_refused(client, args):
    with pytest.raises(libfast.InvalidError):
        client.call("add", args)
    with pytest.raises(libfast.InvalidError):
        list(client.stream("add", args))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused(client, number):
    with pytest.raises(libfast.InvalidError, match="the arguments cannot be written as JSON: Out of range"):
        client.call("echo", [number])


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"timout_ms": 5}, 'did you mean "timeout_ms"'),
        ({"timeout_ms": -1}, "0 to 86400000"),
        ({"timeout_ms": 2.5}, "whole number"),
        ({"policy": "best"}, "p2c, round_robin"),
        ({"idempotent": []}, "no text, number or bool"),
        ({"timeout_ms": None}, "no text, number or bool"),
    ],
)
def test_wrong_options_are_refused_with_a_hint(client, options, hint):
    with pytest.raises(libfast.InvalidError, match=hint):
        libfast.Client("localhost:1", **options)
    with pytest.raises(libfast.InvalidError, match=hint):
        client.call("add", [1, 2], **options)


def test_options_of_the_client_only_are_refused_for_a_call(client):
    with pytest.raises(libfast.InvalidError, match="a call has"):
        client.call("add", [1, 2], max_calls=3)


@pytest.mark.parametrize("target", ["", "a b", "zk://", 5, None])
def test_wrong_targets_are_refused(target):
    with pytest.raises(libfast.InvalidError):
        libfast.Client(target)


def test_break_abandons_and_the_client_goes_on(server, client):
    for value in client.stream("count", [100_000]):
        if value == 10:
            break
    assert client.stats()["in_flight"] == 0
    assert client.call("add", [1, 2]) == [3]


def test_an_abandoned_stream_is_at_its_end(client):
    stream = client.stream("forever")
    stream.abandon()
    assert list(stream) == []
    with client.stream("count", [10]) as stream:
        next(stream)
    assert list(stream) == []


def test_abandon_frees_a_thread_that_waits(client, server):
    stream = client.stream("forever")
    outcome = []

    def wait():
        try:
            next(stream)
        except libfast.Error as error:
            outcome.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    server.entered.wait(10)
    stream.abandon()
    thread.join(10)
    assert outcome == ["FAST_E_ABANDONED"]


def test_a_closed_client_refuses(server):
    client = libfast.Client(server.address)
    client.close()
    client.close()
    with pytest.raises(libfast.ClosedError):
        client.call("add", [1, 2])


def test_ready_says_what_is_missing(tmp_path):
    with libfast.Client(f"dir://{tmp_path}/nobody") as client:
        with pytest.raises(libfast.TimeoutError, match="nobody"):
            client.ready(timeout_ms=50)
        with pytest.raises(libfast.NoEndpointError) as caught:
            client.call("add", [1, 2])
    assert caught.value.retriable


def test_no_connection_is_a_connect_error(tmp_path):
    with libfast.Client(f"unix:{tmp_path}/missing", retries=0) as client:
        with pytest.raises(libfast.ConnectError) as caught:
            client.call("add", [1, 2])
    assert caught.value.retriable and str(tmp_path) in caught.value.endpoint


def test_a_pick_is_reported_once(client, server):
    client.ready()
    with client.pick() as pick:
        assert pick.endpoint == server.address
    with pytest.raises(libfast.StateError):
        pick.report(0.001)


def test_every_row_of_the_table_has_its_class():
    from libfast._errors import from_native

    for _, code, name, _, _ in libfast.error_kinds():
        error = from_native(code, "text", "host:1", True, "", "", None)
        assert type(error) is getattr(libfast, name) and isinstance(error, libfast.Error)
        assert (error.code, error.message, error.endpoint, error.retriable) == (code, str(error), "host:1", True)
        assert code in type(error).__doc__ or name == "RemoteError"


def test_every_option_is_documented_where_it_counts():
    for option in libfast.options():
        assert (f"{option.name}: {option.doc}" in libfast.Client.__doc__) == option.client
        assert (f"{option.name}: {option.doc}" in libfast.Server.__doc__) == option.server


def test_a_client_pickles_as_what_it_was_made_of(client):
    other = pickle.loads(pickle.dumps(client))
    assert other.call("add", [1, 2]) == [3]
    other.close()
    for thing in (client.stream("count", [1]), libfast.Server()):
        with pytest.raises(TypeError):
            copy.copy(thing)


def test_other_threads_run_during_a_call(client, server):
    ticks, waiting = [], threading.Event()

    def tick():
        while not waiting.is_set():
            ticks.append(None)
            if len(ticks) == 1000:
                server.gate.set()

    thread = threading.Thread(target=tick)
    thread.start()
    # The call ends when the other thread has run a thousand times.
    assert client.call("wait", timeout_ms=30_000) == ["waited"]
    waiting.set()
    thread.join()


INTERRUPTED = """
import signal, sys, time, libfast
# Whoever started the tests in the background made them ignore it, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
client = libfast.Client(sys.argv[1], timeout_ms=60_000)
client.ready()
try:
    print("waiting", flush=True)
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "wait",
    ["client.call('forever')", "next(client.stream('forever'))", "libfast.Client('localhost:1').ready(60_000)"],
)
def test_ctrl_c_ends_a_wait(server, wait):
    program = [sys.executable, "-c", INTERRUPTED.format(wait=wait), server.address]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout.readline() == "waiting\n"
    if "forever" in wait:
        server.entered.wait(10)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    # Within a slice of the wait, not after its minute.
    assert time.monotonic() - start < 10
    assert process.wait(10) == 0


FORKED = """
import asyncio, os, sys, libfast, libfast.aio
client = libfast.Client(sys.argv[1])
on_loops = libfast.aio.Client(sys.argv[1])
stream = client.stream("count", [1000])
assert client.call("add", [1, 2]) == [3] and next(stream) == 0
child = os.fork()
if child == 0:
    try:
        next(stream)
    except libfast.ForkedError:
        pass
    else:
        raise SystemExit("the parent's stream works")
    assert client.call("add", [3, 4]) == [7]
    with client:
        assert len(list(client.stream("count", [1000]))) == 1000
    assert asyncio.run(on_loops.call("add", [1, 2])) == [3]
    sys.exit(3)
assert asyncio.run(on_loops.call("add", [1, 2])) == [3]
assert client.call("add", [5, 6]) == [11]
assert len(list(stream)) == 999
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
"""


def test_a_client_works_in_a_forked_child_and_in_its_parent(run_python):
    for _ in range(5):
        done = run_python(FORKED)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
