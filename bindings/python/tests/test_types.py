"""The stubs say what the modules have."""

import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent


def test_stubs_agree_with_the_modules(tmp_path):
    pytest.importorskip("mypy")
    config = tmp_path / "mypy.ini"
    # The private modules have no types; only what the stubs say of the public ones counts.
    config.write_text("[mypy]\n[mypy-libfast.*]\nignore_errors = True\n")
    command = [sys.executable, "-m", "mypy.stubtest", "libfast", "--ignore-missing-stub", "--concise"]
    private = tmp_path / "private"
    private.write_text(r"libfast\._.*" + "\n")
    command += ["--mypy-config-file", str(config), "--allowlist", str(private), "--ignore-unused-allowlist"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


PROGRAM = """
import asyncio
import libfast
import libfast.aio

server = libfast.Server(announce="calc", threads=2)

@server.method("add")
def add(ctx: libfast.Context, a: int, b: int) -> int:
    return a + b

with libfast.Client("calc", timeout_ms=2000) as client:
    values: list[object] = client.call("add", [1, 2], idempotent=True)
    for value in client.stream("range", [10]):
        print(value)
    count: int = client.call_buffered("range", [10], max_values=3, ignore_null_values=True).count

@server.intercept
async def allow(call: libfast.IncomingCall) -> None:
    call.on_end(lambda end: print(end.values, end.duration_s, call.peer))

@client.intercept
def log(call: libfast.OutgoingCall) -> None:
    call.options["idempotent"] = True
    if not call.args:
        call.answer(call.target, call.method)

@server.method("fail")
def fail(ctx: libfast.Context) -> None:
    raise libfast.RemoteError("no", name="Own", context=[ctx.half_closed, ctx.remaining], ase_errors=[])

async def main() -> None:
    async with libfast.aio.Client("calc") as client:
        try:
            await client.call("add", [1, 2])
        except libfast.RemoteError as error:
            print(error.name, error.info, error.cause_name, (error.merged_info or {}).get("rpcMethod"))
        async for value in client.stream("range", [10]):
            print(value)
        buffered: libfast.Buffered = await client.call_buffered("range", [10], max_values=3)
    async with libfast.aio.Server() as server:
        await server.stop_accepting()
        closed: bool = await server.wait_connections_closed(timeout_ms=5)
"""


def test_a_typical_program_is_well_typed(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "MYPYPATH": str(PACKAGE / "python")}
    command = [sys.executable, "-m", "mypy", "--strict", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
