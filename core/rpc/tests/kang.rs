//! Snapshots for operators: types, ids and fields as node-fast has them.

mod support;

use libfast_model::{ClientOptions, ServerOptions};
use libfast_rpc::{Client, Request, Server, kang_snapshot};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use support::{Bare, LONG, blocking, until};
use tokio::sync::Notify;

const NONE: [u8; 0] = [];

/// A server whose method `hang` waits for the notice.
async fn serve(listen: &str) -> (Server, String, Arc<Notify>) {
    let mut options = ServerOptions::default();
    options.listen = listen.into();
    let server = Server::new(options).unwrap();
    let notice = Arc::new(Notify::new());
    let waited = notice.clone();
    let hang = move |r: Request| {
        let waited = waited.clone();
        async move {
            r.send(&1).await?;
            waited.notified().await;
            Ok(())
        }
    };
    server.method("hang", hang).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address, notice)
}

fn client(address: &str) -> Client {
    let mut options = ClientOptions::default();
    // Only calls are looked at.
    options.watch_servers = false;
    options.timeout_ms = LONG.as_millis() as u64;
    Client::with_options(address, options).unwrap()
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

/// The names of the members, in no order.
fn names(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_instant(text: &Json) -> bool {
    let text = text.as_str().unwrap();
    text.len() == 24 && text.ends_with('Z') && &text[10..11] == "T" && &text[19..20] == "."
}

#[tokio::test]
async fn a_server_shows_its_connections_and_running_requests() {
    let (server, address, notice) = serve("127.0.0.1:0").await;
    let bare = blocking(move || {
        let mut bare = Bare::connect(&address);
        bare.send(1, "nope", "[]");
        bare.send(2, "", "[]");
        bare.send(7, "hang", r#"[{"n": 12345678901234567890.10}]"#);
        for _ in 0..3 {
            bare.next().unwrap();
        }
        bare
    })
    .await;
    let text = kang_snapshot("calc", std::slice::from_ref(&server), &[]);
    assert!(
        text.contains(r#""rpcargs":[{"n": 12345678901234567890.10}]"#),
        "arguments stay as they came: {text}"
    );
    let mut shown = parsed(&text);
    assert_eq!(shown["service"]["name"], "calc");
    let ident = shown["service"]["ident"].as_str().unwrap();
    assert!(ident.ends_with(&format!("/{}", std::process::id())) && !ident.starts_with('/'), "{ident}");
    assert_eq!(shown["types"], json!(["fastconnection", "fastrequest"]));
    assert_eq!(names(&shown), ["fastconnection", "fastrequest", "service", "stats", "types"]);

    let stats = &mut shown["stats"];
    assert!(is_instant(&stats["started"].take()));
    assert!(stats["memory"].take()["rss"].as_u64().unwrap() > 100_000);
    assert_eq!(
        *stats,
        json!({
            "nConnectionsActive": 1, "nIgnoredMessagesNoConn": 0, "nIgnoredMessagesBadConn": 0,
            "nIgnoredMessagesAborts": 0, "nConnectionsCreated": 1, "nRequestsStarted": 3,
            "nRequestsCompleted": 2, "nRequestsFailed": 2, "started": null, "memory": null,
        })
    );
    let connection = &mut shown["fastconnection"]["1"];
    assert!(is_instant(&connection["timeAccepted"].take()));
    let (own, far) = (bare.stream.local_addr().unwrap(), bare.stream.peer_addr().unwrap());
    assert_eq!(
        *connection,
        json!({
            "connid": 1, "nStarted": 3, "nCompleted": 2, "nFailed": 2, "draining": false, "errorSocket": null,
            "errorServer": null, "timeAccepted": null,
            "addrinfo": {
                "remoteAddress": "127.0.0.1", "remotePort": own.port(), "socketType": "IPv4",
                "localAddress": "127.0.0.1", "localPort": far.port(), "label": own.to_string(),
            },
        })
    );
    let request = &mut shown["fastrequest"]["1/7"];
    assert!(is_instant(&request["timeStarted"].take()));
    request["rpcargs"].take();
    assert_eq!(
        *request,
        json!({
            "connid": "1", "msgid": "7", "rpcmethod": "hang", "rpcargs": null, "state": "RUNNING", "error": null,
            "blackholed": false, "timeStarted": null,
        })
    );

    // The client ends its side and waits for the answer.
    bare.stream.shutdown(std::net::Shutdown::Write).unwrap();
    until("it drains", || parsed(&server.kang())["fastconnection"]["1"]["draining"] == true).await;
    notice.notify_one();
    until("it has gone", || parsed(&server.kang())["fastconnection"] == json!({})).await;
    let stats = parsed(&server.kang())["stats"].take();
    assert_eq!(
        [&stats["nConnectionsActive"], &stats["nRequestsCompleted"], &stats["nRequestsFailed"]],
        [0, 3, 2]
    );
}

#[tokio::test]
async fn addresses_of_other_kinds_have_their_forms() {
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}/s", folder.path().display());
    let (server, address, _) = serve(&unix).await;
    let _client = client(&address);
    _client.ready(LONG).await.unwrap();
    until("it is there", || !parsed(&server.kang())["fastconnection"].as_object().unwrap().is_empty()).await;
    let shown = parsed(&server.kang());
    assert_eq!(
        shown["fastconnection"]["1"]["addrinfo"],
        json!({"socketType": "UDS (inferred)", "label": "UDS"})
    );

    // Not every machine has it.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        let (server, address, _) = serve("[::1]:0").await;
        let bare = Bare::connect(&address);
        until("it is there", || !parsed(&server.kang())["fastconnection"].as_object().unwrap().is_empty())
            .await;
        let info = &parsed(&server.kang())["fastconnection"]["1"]["addrinfo"];
        let label = format!("::1:{}", bare.stream.local_addr().unwrap().port());
        assert_eq!([&info["socketType"], &info["label"], &info["remoteAddress"]], ["IPv6", &label, "::1"]);
    }
}

#[tokio::test]
async fn a_client_shows_its_connections_and_requests() {
    let (_server, address, notice) = serve("127.0.0.1:0").await;
    let client = client(&address);
    client.ready(LONG).await.unwrap();
    let mut waiting = client.stream("hang", NONE);
    waiting.next().await.unwrap().unwrap();
    drop(client.stream("hang", NONE));
    let timed_out = client.call("hang", NONE).timeout(Duration::from_millis(20)).await;
    assert!(timed_out.is_err());
    let shown = || parsed(&kang_snapshot("caller", &[], std::slice::from_ref(&client)));
    // Both were given up before or after their first value came.
    until("the values of the others have come", || {
        let shown = shown();
        let mut requests = shown["fastrequest"].as_object().unwrap().values();
        requests.all(|r| r["nDataEmitted"].as_u64().unwrap() + r["nMessagesIgnored"].as_u64().unwrap() == 1)
    })
    .await;
    let mut shown = shown();
    assert_eq!(shown["types"], json!(["fastclient", "fastrequest"]));
    let id = names(&shown["fastclient"])[0].to_owned();
    let number: u64 = id.parse().unwrap();
    assert_eq!(
        shown["fastclient"],
        json!({ &id: {
            "id": number, "nRpcStarted": 3, "nRpcDone": 2, "nErrors": 0, "error": null, "detached": false,
            "transportEnded": false,
        }})
    );
    let stats = &shown["stats"];
    assert_eq!([&stats["nRpcStarted"], &stats["nRpcDone"], &stats["nErrors"]], [3, 2, 0]);
    let waits = json!({
        "clientId": number, "msgid": "1", "skipped": false, "rpcmethod": "hang", "nDataEmitted": 1,
        "nMessagesIgnored": 0, "error": null, "abandoned": false, "doneGraceful": false, "hasTimeout": true,
    });
    assert_eq!(shown["fastrequest"][format!("{id}/1")], waits);
    for (msgid, name, message) in [
        (2, "FastRequestAbandonedError", "request abandoned by user"),
        (3, "TimeoutError", "timed out after 20 milliseconds"),
    ] {
        let request = &mut shown["fastrequest"][format!("{id}/{msgid}")];
        assert_eq!([&request["abandoned"], &request["hasTimeout"]], [true, false]);
        let error = request["error"].take();
        assert_eq!(error["name"], "FastRequestError");
        assert_eq!(error["message"], format!("request failed: {message}"));
        assert_eq!([&error["jse_cause"]["name"], &error["jse_cause"]["message"]], [name, message]);
    }
    // Once their ends have come, there is nothing left to show.
    for _ in 0..3 {
        notice.notify_one();
        tokio::task::yield_now().await;
    }
    until("all have ended", || {
        notice.notify_waiters();
        parsed(&client.kang())["fastrequest"] == json!({})
    })
    .await;
    assert!(waiting.next().await.is_none());
}

/// A document must not become as large as all that clients have sent.
#[tokio::test]
async fn arguments_that_are_too_long_for_a_page_are_named_by_their_size() {
    let (server, address, _) = serve("127.0.0.1:0").await;
    let client = client(&address);
    let mut calls: Vec<_> = (0..3).map(|_| client.stream("hang", ["x".repeat(3 << 20)])).collect();
    for call in &mut calls {
        call.next().await.unwrap().unwrap();
    }
    let text = server.kang();
    assert!(text.len() < 5 << 20, "{} bytes", text.len());
    assert_eq!(text.matches("3145732 bytes, left out").count(), 2);
}

#[tokio::test]
async fn ids_stay_apart_in_a_document_of_several() {
    let (first, address, _) = serve("127.0.0.1:0").await;
    let (second, _, _) = serve("127.0.0.1:0").await;
    let client = client(&address);
    let mut call = client.stream("hang", NONE);
    call.next().await.unwrap().unwrap();
    let shown = parsed(&kang_snapshot("both", &[first, second], &[client]));
    assert_eq!(shown["types"], json!(["fastconnection", "fastclient", "fastrequest"]));
    assert_eq!(names(&shown["fastconnection"]), ["server0/1"]);
    let requests = names(&shown["fastrequest"]);
    assert!(
        requests.len() == 2 && requests[0].starts_with("client/") && requests[1] == "server0/1/1",
        "{requests:?}"
    );
    assert_eq!(shown["stats"]["nConnectionsActive"], 1);
}
