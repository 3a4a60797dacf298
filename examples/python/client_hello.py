"""Calls the service `hello`: python client_hello.py"""

import libfast

with libfast.Client("hello") as hello:
    print(hello.call("greet", ["world"]))
