"""The scenario runner of the Python binding; see README.md."""

import json
import sys
import time

import libfast


def run(scenario, clients):
    """Does what one line says and returns the line to be written."""
    values, count, failure, client = [], None, None, None
    start = time.monotonic()
    try:
        if scenario.get("client_options") is not None:
            client = libfast.Client(scenario["target"], **scenario["client_options"])
        elif scenario["target"] not in clients:
            clients[scenario["target"]] = libfast.Client(scenario["target"])
        used = client or clients[scenario["target"]]
        options = scenario.get("options") or {}
        if scenario.get("stream"):
            for value in used.stream(scenario["method"], scenario["args"], **options):
                values.append(value)
        elif scenario.get("max_values") is not None:
            most = scenario["max_values"]
            values, count, error = used.call_buffered(
                scenario["method"], scenario["args"], max_values=most, **options
            )
            failure = error and described(error)
        elif scenario.get("keys") is not None:
            for i in range(scenario["keys"]):
                answer = used.call(scenario["method"], scenario["args"], affinity=f"key-{i}", **options)
                values.append(answer[0])
        else:
            values = used.call(scenario["method"], scenario["args"], **options)
    except libfast.Error as error:
        failure = described(error)
    ms = int((time.monotonic() - start) * 1000)
    if client is not None:
        client.close()
    return {"values": values, "count": count, "error": failure, "ms": ms}


def described(error):
    """An error as the list of scenarios has it."""
    return {
        "code": error.code,
        "message": error.message,
        "endpoint": error.endpoint,
        "retriable": error.retriable,
        "name": error.name,
        "info": error.info,
        "cause_name": error.cause_name,
        "merged_info": error.merged_info,
        "remote_message": error.remote_message,
        "context": error.context,
        "ase_errors": error.ase_errors,
    }


def main():
    clients = {}
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), clients)), flush=True)


if __name__ == "__main__":
    main()
