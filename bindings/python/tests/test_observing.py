"""What operators see of clients and servers."""

import libfast


def test_metrics_count_the_calls_of_the_process(server, client):
    for _ in range(3):
        client.call("add", [1, 2])
    text = libfast.metrics_text()
    assert f'version="{libfast.__version__}"' in text
    for side in ("client", "server"):
        assert f"rpc_{side}_call_duration_seconds_count" in text


def test_kang_shows_connections_and_requests(server, client):
    assert client.call("add", [1, 2]) == [3]
    stream = client.stream("forever")
    server.entered.wait(10)
    seen = server.kang()
    assert seen["stats"]["nConnectionsActive"] == 1
    [request] = seen["fastrequest"].values()
    assert "forever" in str(request)
    assert len(client.kang()["fastclient"]) == 1
    stream.abandon()
    server.stop(drain_ms=0)
    assert server.kang()["fastconnection"] == {}
