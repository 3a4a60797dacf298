"""500 calls at once, a stream and a time limit, with asyncio: python aio_client.py TARGET"""

import asyncio
import sys

import libfast.aio


async def main(target):
    async with libfast.aio.Client(target) as calc:
        answers = await asyncio.gather(*(calc.call("add", [i, 1]) for i in range(500)))
        print("sum of 500 answers:", sum(answer["sum"] for [answer] in answers))

        async for value in calc.stream("range", [1_000_000]):
            if value["value"] == 999:
                break
        print("left a stream at:", value["value"])

        try:
            await asyncio.wait_for(calc.call("slow", [10_000]), timeout=0.1)
        except asyncio.TimeoutError:
            print("gave up a slow call")


asyncio.run(main(sys.argv[1]))
