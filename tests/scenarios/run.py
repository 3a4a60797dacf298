"""The scenario runner of the Python binding; see README.md."""

import json
import sys
import time

import libfast


def run(scenario, clients):
    """Does what one line says and returns the line to be written."""
    values, failure, client = [], None, None
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
        else:
            values = used.call(scenario["method"], scenario["args"], **options)
    except libfast.Error as error:
        failure = {
            "code": error.code,
            "message": error.message,
            "endpoint": error.endpoint,
            "retriable": error.retriable,
            "name": error.name,
            "info": error.info,
            "cause_name": error.cause_name,
            "merged_info": error.merged_info,
        }
    ms = int((time.monotonic() - start) * 1000)
    if client is not None:
        client.close()
    return {"values": values, "error": failure, "ms": ms}


def main():
    clients = {}
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), clients)), flush=True)


if __name__ == "__main__":
    main()
