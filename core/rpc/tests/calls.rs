//! Calls between a client and a server of this library over real sockets.

use libfast_model::{ClientOptions, ErrorKind, Progress, RemoteError, ServerOptions};
use libfast_rpc::{Client, Request, Server};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn options(listen: &str) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.listen = listen.into();
    options
}

/// A server with the methods of these tests.
async fn serve(options: ServerOptions) -> (Server, String) {
    let server = Server::new(options).unwrap();
    server
        .method("add", |r: Request| async move { r.args::<(i64, i64)>().map(|(a, b)| json!({"sum": a + b})) })
        .unwrap();
    let range = |r: Request| async move {
        let (n,) = r.args::<(u64,)>()?;
        for i in 0..n {
            r.send(&i).await?;
        }
        Ok(())
    };
    server.method("range", range).unwrap();
    let fail = |_| async {
        let error = RemoteError::new("BadThing", "100% broken").with_info(r#"{"x":1}"#);
        Err::<(), _>(libfast_model::Error::from_remote(error))
    };
    server.method("fail", fail).unwrap();
    server
        .method("hang", |r: Request| async move {
            r.cancelled().await;
            Ok(())
        })
        .unwrap();
    server
        .method("panic", |_| async { panic!("a defect of the handler") as libfast_model::Result<()> })
        .unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address)
}

#[tokio::test]
async fn a_call_returns_its_values_over_tcp_and_unix() {
    let folder = tempfile::tempdir().unwrap();
    for listen in ["127.0.0.1:0".to_owned(), format!("unix:{}/s", folder.path().display())] {
        let (_server, address) = serve(options(&listen)).await;
        let client = Client::new(&address).unwrap();
        let values = client.call("add", (2, 3)).await.unwrap();
        assert_eq!(values.iter().map(|v| v.text()).collect::<Vec<_>>(), [r#"{"sum":5}"#]);
    }
}

#[tokio::test]
async fn both_wire_versions_work() {
    let (_server, address) = serve(options(":0")).await;
    for version in [1, 2] {
        let mut options = ClientOptions::default();
        options.wire_version = version;
        let client = Client::with_options(&address, options).unwrap();
        let values = client.call("range", (3,)).await.unwrap();
        assert_eq!(values.iter().map(|v| v.parse::<u64>().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    }
}

/// Many more bytes than the buffers on the way: both sides have to wait for each other.
#[tokio::test]
async fn a_long_stream_arrives_whole_and_in_order() {
    let (_server, address) = serve(options(":0")).await;
    let mut options = ClientOptions::default();
    options.stream_buffer_bytes = 4096;
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&address, options).unwrap();
    let mut stream = client.stream("range", (200_000,));
    for wanted in 0..200_000u64 {
        assert_eq!(stream.next().await.unwrap().unwrap().parse::<u64>().unwrap(), wanted);
    }
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn concurrent_calls_do_not_mix() {
    let (_server, address) = serve(options(":0")).await;
    let client = Client::new(&address).unwrap();
    let calls: Vec<_> = (0..500i64).map(|i| (i, client.stream("add", (i, i)))).collect();
    for (i, call) in calls {
        let values = call.collect().await.unwrap();
        assert_eq!(values[0].text(), json!({"sum": 2 * i}).to_string());
    }
    assert!(client.stats().contains(r#""in_flight":0"#), "{}", client.stats());
}

#[tokio::test]
async fn a_servers_error_arrives_whole() {
    let (_server, address) = serve(options(":0")).await;
    let error = Client::new(&address).unwrap().call("fail", ()).await.unwrap_err();
    // `()` is JSON null: the client refuses it before anything is sent.
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let error = Client::new(&address).unwrap().call("fail", [0; 0]).await.unwrap_err();
    let remote = error.remote().unwrap();
    assert_eq!((remote.name.as_str(), remote.message.as_str()), ("BadThing", "100% broken"));
    assert_eq!(remote.info, r#"{"x":1}"#);
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Remote, Progress::Finished));
    assert_eq!(error.endpoint(), address);
}

#[tokio::test]
async fn unknown_methods_bad_arguments_and_panics_are_remote_errors() {
    let (_server, address) = serve(options(":0")).await;
    let client = Client::new(&address).unwrap();
    for (method, args, text) in [
        ("nope", json!([]), "unsupported RPC method: \"nope\""),
        ("add", json!(["x"]), "bad arguments [\"x\"]"),
        ("panic", json!([]), "without an answer"),
    ] {
        let error = client.call(method, args).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Remote);
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_timeout_says_where_and_leaves_the_connection_usable() {
    let (server, address) = serve(options(":0")).await;
    let client = Client::new(&address).unwrap();
    let error = client.call("hang", [0; 0]).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Timeout, Progress::Unknown));
    assert!(error.message().contains("50 milliseconds") && error.endpoint() == address, "{error:?}");
    assert!(client.call("add", (1, 1)).await.is_ok());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = Client::new(&address).unwrap();
    let error = client.call("add", (1, 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Connect, Progress::NotStarted));
    assert!(error.message().contains(&address) && error.message().contains("refused"), "{error}");
    // As soon as somebody listens, the next call succeeds: it does not wait for a back-off.
    let (_server, _) = serve(options(&address)).await;
    assert!(client.call("add", (1, 1)).await.is_ok());
}

#[tokio::test]
async fn an_idempotent_call_survives_the_loss_of_its_connection() {
    let (dying, first) = serve(options(":0")).await;
    let (_living, second) = serve(options(":0")).await;
    let client = Client::new(&first).unwrap();
    client.ready(LONG).await.unwrap();
    let mut lost = client.stream("hang", [0; 0]);
    while dying.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    dying.stop(Duration::ZERO).await;
    let error = tokio::time::timeout(LONG, lost.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::Unknown));

    let both = Client::new(&format!("{first},{second}")).unwrap();
    for _ in 0..20 {
        assert!(both.call("add", (1, 1)).await.is_ok());
    }
}

#[tokio::test]
async fn stop_answers_what_runs_and_refuses_what_comes_later() {
    let (server, address) = serve(options(":0")).await;
    let release = Arc::new(tokio::sync::Notify::new());
    let wait = release.clone();
    server
        .method("wait", move |_| {
            let wait = wait.clone();
            async move {
                wait.notified().await;
                Ok(json!("done"))
            }
        })
        .unwrap();
    let client = Client::new(&address).unwrap();
    client.ready(LONG).await.unwrap();
    let running = client.stream("wait", [0; 0]);
    while server.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn({
        let server = server.clone();
        async move { server.stop(LONG).await }
    });
    release.notify_one();
    assert_eq!(running.collect().await.unwrap()[0].text(), "\"done\"");
    stopping.await.unwrap();
    let error = client.call("add", (1, 1)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::ConnectionLost), "{error:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_requests() {
    let (server, address) = serve(options(":0")).await;
    let client = Client::new(&address).unwrap();
    let mut call = client.stream("range", (u64::MAX,));
    call.next().await.unwrap().unwrap();
    drop((call, client));
    tokio::time::timeout(LONG, async {
        while server.in_flight() > 0 || server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn bounds_refuse_with_overload_and_nothing_is_run() {
    let mut bounded = options(":0");
    bounded.max_inflight = 1;
    let (server, address) = serve(bounded).await;
    let client = Client::new(&address).unwrap();
    client.ready(LONG).await.unwrap();
    let _running = client.stream("hang", [0; 0]);
    while server.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let error = client.call("add", (1, 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted));

    let mut few = ClientOptions::default();
    few.max_calls = 1;
    let client = Client::with_options(&address, few).unwrap();
    let _running = client.stream("hang", [0; 0]);
    let error = client.call("add", (1, 1)).await.unwrap_err();
    assert!(error.message().contains("max_calls"), "{error}");
}

/// A handler that always has something to send to somebody who always reads must leave room for others.
#[tokio::test]
async fn an_endless_stream_does_not_starve_other_calls() {
    let (_server, address) = serve(options(":0")).await;
    let (greedy, modest) = (Client::new(&address).unwrap(), Client::new(&address).unwrap());
    let mut stream = greedy.stream("range", (u64::MAX,));
    stream.next().await.unwrap().unwrap();
    let reader = tokio::spawn(async move { while stream.next().await.is_some() {} });
    for _ in 0..20 {
        modest.call("add", (1, 1)).await.unwrap();
    }
    reader.abort();
}

#[tokio::test]
async fn a_closed_client_refuses_calls() {
    let (_server, address) = serve(options(":0")).await;
    let client = Client::new(&address).unwrap();
    client.ready(LONG).await.unwrap();
    client.close(Duration::ZERO).await;
    assert_eq!(client.call("add", (1, 1)).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn too_large_messages_fail_alone() {
    let mut small = ClientOptions::default();
    small.max_frame_bytes = 2048;
    let (_server, address) = serve(options(":0")).await;
    let client = Client::with_options(&address, small).unwrap();
    let error = client.call("add", ["x".repeat(4000)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(client.call("add", (1, 1)).await.is_ok());
}

/// A stopped server has let go of its address, so the next one can have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_can_be_replaced_as_soon_as_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    for _ in 0..200 {
        let (server, _) = serve(options(&format!("unix:{}", path.display()))).await;
        server.stop(Duration::ZERO).await;
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("s"), folder.path().join("file"));
    std::fs::write(&file, "").unwrap();
    let mut options = options(&format!("unix:{}", path.display()));
    options.announce = format!("dir://{}/calc", file.display());
    let server = Server::new(options).unwrap();
    for _ in 0..2 {
        let error = server.start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Registry, "{error}");
        assert!(!path.exists());
    }
}

/// The service is looked up while the call waits, and nobody but the call is left to want it.
#[tokio::test]
async fn a_call_outlives_its_client() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/calc", folder.path().display());
    let mut announced = options(":0");
    announced.announce = target.clone();
    let (_server, _) = serve(announced).await;
    let call = Client::new(&target).unwrap().call("add", (2, 3));
    let values = call.await.unwrap();
    assert_eq!(values[0].text(), r#"{"sum":5}"#);
}

/// A server that has no room closes connections as soon as it has taken them.
#[tokio::test]
async fn a_server_that_hangs_up_is_not_called_again_without_pause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&listener.local_addr().unwrap().to_string()).unwrap();
    let _ = client.stream("add", (1, 1));
    let mut taken = 0;
    let counted = async {
        loop {
            drop(listener.accept().await.unwrap());
            taken += 1;
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), counted).await;
    assert!((1..100).contains(&taken), "{taken} connections in half a second");
}

/// Nobody would ever wake them otherwise.
#[tokio::test]
async fn calls_without_a_time_limit_end_with_the_runtime_of_their_client() {
    let (server, address) = serve(options(":0")).await;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut unlimited = ClientOptions::default();
    unlimited.timeout_ms = 0;
    let client = {
        let _context = runtime.enter();
        Client::with_options(&address, unlimited).unwrap()
    };
    let mut running = client.stream("hang", [0; 0]);
    let waiting = tokio::spawn(async move { running.next().await.unwrap().unwrap_err() });
    while server.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    runtime.shutdown_background();
    let error = tokio::time::timeout(LONG, waiting).await.unwrap().unwrap();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::Unknown));
    let error = tokio::time::timeout(LONG, client.call("hang", [0; 0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}
