import asyncio

import libfast
import libfast.aio


async def main():
    server = libfast.aio.Server()

    @server.method("greet")
    async def greet(ctx, name):
        return f"Hello, {name}!"

    # Those of asyncio may wait, such as for an answer of somebody who knows.
    @server.intercept
    async def check(call):
        if call.args == ["Mallory"]:
            raise libfast.RemoteError("not you", name="Denied")

    async with server, libfast.aio.Client(server.address) as client:

        @client.intercept
        async def log(call):
            @call.on_end
            def ended(end):
                how = end.error.name if end.error else "ok"
                print(f"{call.method}: {end.values} values, {how}, {end.attempts} attempts")

        for name in ["world", "Mallory"]:
            await asyncio.gather(client.call("greet", [name]), return_exceptions=True)


asyncio.run(main())
