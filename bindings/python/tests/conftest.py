"""A server with one method for each thing that tests ask of it, in this process or in one of its own."""

import os
import pathlib
import subprocess
import sys

import pytest

import libfast

TESTS = pathlib.Path(__file__).parent


@pytest.fixture
def server():
    """A server of `served.py`, in this process."""
    import served

    with served.make() as server:
        yield server


@pytest.fixture
def client(server):
    with libfast.Client(server.address) as client:
        yield client


@pytest.fixture
def run_python(server):
    """Runs a program with the server's address as its argument, and returns what it did."""

    def run(program, *args, timeout=30):
        # Newer Pythons warn of every fork of a process with threads, which is what is tested.
        quiet = ["-W", "ignore:This process:DeprecationWarning"]
        command = [sys.executable, *quiet, "-c", program, server.address, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment())

    return run


def environment():
    """That of a program which may import `served`."""
    return {**os.environ, "PYTHONPATH": str(TESTS)}
