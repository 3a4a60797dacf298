import libfast

with libfast.Client("hello", timeout_ms=2000) as client:
    for greeting in client.call("greet", ["world"]):
        print(greeting)
