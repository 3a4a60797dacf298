import libfast

server = libfast.Server()


@server.method("greet")
def greet(ctx, name):
    return f"Hello, {name}!"


@server.intercept
def check(call):
    if call.args == ["Mallory"]:
        raise libfast.RemoteError("not you", name="Denied")


with server, libfast.Client(server.address) as client:

    @client.intercept
    def log(call):
        @call.on_end
        def ended(end):
            how = end.error.name if end.error else "ok"
            print(f"{call.method}: {end.values} values, {how}, {end.attempts} attempts")

    client.call("greet", ["world"])
    try:
        client.call("greet", ["Mallory"])
    except libfast.RemoteError:
        pass
