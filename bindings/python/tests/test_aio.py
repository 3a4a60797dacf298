"""The client for asyncio."""

import asyncio
import contextvars
import gc
import pickle
import random
import threading
import warnings
import weakref

import pytest

import libfast
import libfast.aio


def run(server, test):
    """Runs `test(client)` on a loop of its own."""

    async def main():
        async with libfast.aio.Client(server.address) as client:
            return await asyncio.wait_for(test(client), 30)

    return asyncio.run(main())


def test_calls_streams_and_the_rest(server):
    async def test(client):
        await client.ready()
        assert await client.call("add", [1, 2]) == [3]
        assert await client.call("count_async", [3]) == [0, 1, 2]
        assert [v async for v in client.stream("count", [1000])] == list(range(1000))
        with await client.pick() as pick:
            assert pick.endpoint == server.address
        assert client.stats()["in_flight"] == 0
        assert pickle.loads(pickle.dumps(client)).target == server.address

    run(server, test)


def test_errors(server):
    async def test(client):
        with pytest.raises(libfast.RemoteError) as caught:
            await client.call("fail")
        assert (caught.value.name, caught.value.info) == ("CalcError", {"code": 42})
        with pytest.raises(TimeoutError):
            await client.call("forever", timeout_ms=50)
        with pytest.raises(libfast.InvalidError, match="JSON array"):
            await client.call("add", {"a": 1})
        with pytest.raises(libfast.InvalidError, match="did you mean"):
            await client.call("add", [1, 2], timout_ms=1)
        with pytest.raises(libfast.TimeoutError):
            await libfast.aio.Client("localhost:1").ready(timeout_ms=50)
        values = []
        with pytest.raises(libfast.RemoteError):
            async for value in client.stream("fail", [3]):
                values.append(value)
        assert values == [0, 1, 2]
        await client.close()
        with pytest.raises(libfast.ClosedError):
            await client.call("add", [1, 2])

    run(server, test)


def test_a_stream_waits_for_its_reader(server):
    async def test(client):
        stream = client.stream("count", [1000], window=4)
        assert await anext(stream) == 0
        # Other calls come and go; the stream hands out no more than its window.
        for _ in range(50):
            await client.call("add", [1, 2])
        assert len(stream._inbox.values) <= 4
        assert [v async for v in stream] == list(range(1, 1000))

    run(server, test)


@pytest.mark.parametrize("window", [1, 2, 3, 64])
def test_windows_of_every_size_come_to_the_end(server, window):
    async def test(client):
        assert len([v async for v in client.stream("count", [500], window=window)]) == 500

    run(server, test)


def test_500_calls_at_once(server):
    async def test(client):
        answers = await asyncio.gather(*(client.call("add", [i, 1]) for i in range(500)))
        assert answers == [[i + 1] for i in range(500)]

    run(server, test)


def test_cancelled_calls_leave_the_client_usable(server):
    chance = random.Random(7)

    async def test(client):
        methods = {"forever": [], "add": [1, 2], "count": [100]}
        picked = [chance.choice(list(methods)) for _ in range(200)]
        tasks = [asyncio.ensure_future(client.call(method, methods[method])) for method in picked]
        for task in tasks:
            if chance.random() < 0.5:
                await asyncio.sleep(0)
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert client.stats()["in_flight"] == 0
        assert await client.call("add", [1, 2]) == [3]

    run(server, test)


def test_break_abandons(server):
    async def test(client):
        async for value in client.stream("count", [100_000]):
            if value == 10:
                break
        assert client.stats()["in_flight"] == 0
        stream = client.stream("count", [100_000])
        await anext(stream)
        await stream.aclose()
        assert [v async for v in stream] == []
        async with client.stream("forever") as stream:
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            stream.abandon()
            with pytest.raises(libfast.AbandonedError):
                await waiting
        assert await client.call("add", [1, 2]) == [3]

    run(server, test)


def test_a_loop_that_is_closed_takes_its_calls_along(server, capfd):
    client = libfast.aio.Client(server.address)

    async def begin():
        # By hand, because asyncio itself complains about tasks that are left over.
        call = client.call("forever", timeout_ms=0).__await__()
        value = anext(client.stream("forever", timeout_ms=0)).__await__()
        call.send(None), value.send(None)
        await client.call("add", [1, 2])
        return call, value

    for _ in range(20):
        loop = asyncio.new_event_loop()
        left_over = loop.run_until_complete(begin())
        loop.close()
        del loop, left_over
    gc.collect()
    assert client.stats()["in_flight"] == 0
    assert asyncio.run(client.call("add", [1, 2])) == [3]
    assert capfd.readouterr() == ("", "")


def test_loops_in_many_threads_share_a_client(server):
    client = libfast.aio.Client(server.address)
    failures = []

    async def calls():
        answers = await asyncio.gather(*(client.call("add", [i, 1]) for i in range(20)))
        assert answers == [[i + 1] for i in range(20)]

    def loops():
        try:
            for _ in range(20):
                asyncio.run(calls())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=loops) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


def test_queues_go_with_their_loops(server):
    import libfast._loop

    for _ in range(3):
        run(server, lambda client: client.call("add", [1, 2]))
    gc.collect()
    assert not libfast._loop._loops


def test_a_task_goes_on_in_its_own_context(server):
    variable = contextvars.ContextVar("variable")

    async def test(client):
        async def task(number):
            variable.set(number)
            for _ in range(5):
                assert await client.call("add", [number, 1]) == [number + 1]
                assert variable.get() == number and asyncio.current_task() is tasks[number]
            raise KeyError(number)

        tasks = [asyncio.ensure_future(task(number)) for number in range(100)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [outcome.args for outcome in outcomes] == [(number,) for number in range(100)]

    run(server, test)


def test_a_cancelled_call_says_why_and_once(server):
    async def test(client):
        task = asyncio.ensure_future(client.call("forever"))
        await asyncio.to_thread(server.entered.wait, 10)
        task.cancel("no more")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args in [("no more",), ()] and task.cancelled()
        assert client.stats()["in_flight"] == 0
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.call("forever"), 0.01)
        assert client.stats()["in_flight"] == 0
        buffered = await client.call_buffered("fail", [3], max_values=2)
        assert (buffered.values, buffered.count, buffered.error.name) == ([0, 1], 3, "CalcError")

    run(server, test)


def test_a_task_that_ends_the_loop_takes_no_answers_along(server):
    loop = asyncio.new_event_loop()
    client = libfast.aio.Client(server.address)

    async def stop():
        await client.call("add", [0, 0])
        raise SystemExit(7)

    async def calls():
        return [await client.call("add", [i, 1]) for i in range(10)]

    async def start():
        return [loop.create_task(stop() if i % 10 == 0 else calls()) for i in range(40)]

    tasks = loop.run_until_complete(start())
    ended = 0
    while not all(task.done() for task in tasks):
        try:
            loop.run_until_complete(asyncio.wait(tasks, timeout=30))
        except SystemExit:
            ended += 1
    assert ended == 4 and {task.exception().code for task in tasks[::10]} == {7}
    del tasks[::10]
    assert [task.result() for task in tasks] == [[[i + 1] for i in range(10)]] * 36
    loop.run_until_complete(client.close())
    loop.close()


def test_a_task_may_wait_for_a_call_with_its_thread(server):
    # It should not; but what it waits for must have left, although calls of tasks leave together.
    async def test(client):
        async def task(number):
            assert await client.call("add", [number, 1]) == [number + 1]
            later = asyncio.ensure_future(client.call("add", [number, 2]))
            assert waiting.call("add", [number, 3]) == [number + 3]
            assert await later == [number + 2]

        with libfast.Client(server.address) as waiting:
            await asyncio.gather(*map(task, range(50)))

    run(server, test)


def test_a_loop_that_nobody_closed_is_collected_with_its_calls(server):
    client = libfast.aio.Client(server.address)

    async def begin():
        call = asyncio.ensure_future(client.call("forever", timeout_ms=0))
        call._log_destroy_pending = False
        await client.call("add", [1, 2])
        return call

    loop = asyncio.new_event_loop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        left_over = loop.run_until_complete(begin())
        assert client.stats()["in_flight"] == 1
        gone = weakref.ref(loop)
        del loop, left_over
        gc.collect()
    assert gone() is None and client.stats()["in_flight"] == 0


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="Python 3.12 has it")
def test_tasks_may_begin_eagerly(server):
    async def test(client):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        async def task(number):
            assert await client.call("add", [number, 1]) == [number + 1]
            return await asyncio.create_task(client.call("add", [number, 2]))

        assert await asyncio.gather(*map(task, range(100))) == [[i + 2] for i in range(100)]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.call("forever"), 0.01)

    run(server, test)
