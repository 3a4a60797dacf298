import libfast

server = libfast.Server(announce="hello")


@server.method("greet")
def greet(ctx, name):
    return f"Hello, {name}!"


server.run(started=lambda address: print("listening", address, flush=True))
