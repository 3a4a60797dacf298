"""A server of the service `hello`: python server_hello.py"""

import libfast

server = libfast.Server(announce="hello")


@server.method("greet")
def greet(ctx, name):
    return f"hello, {name}"


server.run()
