//! How calls, connections and clients end, and what each side hears of it.

mod support;

use libfast_model::{Cause, ClientOptions, Error, ErrorKind, Progress, RemoteError, ServerOptions};
use libfast_protocol::Status;
use libfast_rpc::{Client, Request, Server};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Bare, LONG, blocking, until};

fn options(listen: &str) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.listen = listen.into();
    options
}

fn info(error: &Error) -> Value {
    serde_json::from_str(error.merged_info()).unwrap_or_else(|_| panic!("no info in {error:?}"))
}

/// A server whose method `hang` tells what it hears of its caller.
struct Hearing {
    server: Server,
    address: String,
    half_closed: Arc<AtomicBool>,
    cancelled: Arc<AtomicBool>,
}

impl Hearing {
    async fn start(listen: &str) -> Self {
        let server = Server::new(options(listen)).unwrap();
        let (half_closed, cancelled) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let heard = (half_closed.clone(), cancelled.clone());
        let hang = move |request: Request| {
            let (half_closed, cancelled) = heard.clone();
            async move {
                request.half_closed().await;
                half_closed.store(!request.is_cancelled(), Ordering::Relaxed);
                request.cancelled().await;
                cancelled.store(true, Ordering::Relaxed);
                Ok(())
            }
        };
        server.method("hang", hang).unwrap();
        let address = server.start().await.unwrap().to_string();
        Self { server, address, half_closed, cancelled }
    }

    /// A client with one request that runs.
    async fn with_request(&self) -> Bare {
        let mut client = Bare::connect(&self.address);
        client.send(1, "hang", "[]");
        self.running().await;
        client
    }

    async fn running(&self) {
        until("the request runs", || self.server.in_flight() == 1).await;
    }

    async fn hears_of_half_close(&self) {
        until("the handler hears that its caller ended its side", || {
            self.half_closed.load(Ordering::Relaxed)
        })
        .await;
        assert!(!self.cancelled.load(Ordering::Relaxed), "a caller that reads on may still wait");
    }

    async fn hears_of_the_end(&self) {
        until("the handler is cancelled", || self.cancelled.load(Ordering::Relaxed)).await;
        tokio::time::timeout(LONG, self.server.connections_closed()).await.unwrap();
    }
}

#[tokio::test]
async fn a_handler_hears_of_a_half_close_and_of_a_reset_after_it() {
    let hearing = Hearing::start(":0").await;
    let client = hearing.with_request().await;
    client.stream.shutdown(Shutdown::Write).unwrap();
    hearing.hears_of_half_close().await;
    // Closing with zero linger sends a reset.
    socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    hearing.hears_of_the_end().await;
}

#[tokio::test]
async fn a_handler_hears_of_a_reset() {
    let hearing = Hearing::start(":0").await;
    let client = hearing.with_request().await;
    socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    hearing.hears_of_the_end().await;
}

#[tokio::test]
async fn a_handler_hears_of_a_protocol_violation() {
    let hearing = Hearing::start(":0").await;
    let mut client = hearing.with_request().await;
    client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    hearing.hears_of_the_end().await;
}

#[tokio::test]
async fn a_handler_hears_that_the_other_end_of_a_unix_socket_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let hearing = Hearing::start(&format!("unix:{}", path.display())).await;
    let mut request = bytes::BytesMut::new();
    let payload = br#"{"m":{"name":"hang"},"d":[]}"#;
    libfast_protocol::encode(&mut request, Default::default(), Status::Data, 1, payload);
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(&request).unwrap();
    hearing.running().await;
    drop(client);
    hearing.hears_of_the_end().await;
}

#[tokio::test]
async fn a_handler_hears_that_its_server_stops() {
    let hearing = Hearing::start(":0").await;
    let _client = hearing.with_request().await;
    hearing.server.stop(Duration::ZERO).await;
    hearing.hears_of_the_end().await;
}

/// In the order in which they asked, when the last connection goes; at once if there is none.
#[tokio::test]
async fn those_who_wait_for_the_last_connection_are_told() {
    let server = Server::new(options(":0")).unwrap();
    let address = server.start().await.unwrap().to_string();
    tokio::time::timeout(LONG, server.connections_closed()).await.unwrap();
    let (first, second) = (Bare::connect(&address), Bare::connect(&address));
    until("both are accepted", || server.connections() == 2).await;
    let told = Arc::<Mutex<Vec<u32>>>::default();
    let waiting: Vec<_> = (0..2)
        .map(|i| {
            let (server, told) = (server.clone(), told.clone());
            tokio::spawn(async move {
                server.connections_closed().await;
                told.lock().unwrap().push(i);
            })
        })
        .collect();
    drop(first);
    until("one is gone", || server.connections() == 1).await;
    assert!(told.lock().unwrap().is_empty());
    drop(second);
    for task in waiting {
        tokio::time::timeout(LONG, task).await.unwrap().unwrap();
    }
    assert_eq!(*told.lock().unwrap(), [0, 1]);
}

#[tokio::test]
async fn a_server_that_accepts_no_more_serves_those_who_are_there() {
    let server = Server::new(options(":0")).unwrap();
    server.method("echo", |r: Request| async move { r.args::<Value>() }).unwrap();
    let address = server.start().await.unwrap().to_string();
    let client = Client::new(&address).unwrap();
    client.ready(LONG).await.unwrap();
    server.stop_accepting().await;
    server.stop_accepting().await;
    assert!(std::net::TcpStream::connect(&address).is_err());
    assert_eq!(client.call("echo", [7]).await.unwrap()[0].text(), "[7]");
    server.stop(LONG).await;
    assert!(client.call("echo", [7]).await.is_err());
}

#[tokio::test]
async fn closing_a_client_fails_what_is_under_way() {
    let hearing = Hearing::start(":0").await;
    let client = Client::new(&hearing.address).unwrap();
    let mut running = client.stream("hang", [0; 0]);
    let closing = client.clone();
    let close = async {
        hearing.running().await;
        closing.close(Duration::ZERO).await;
    };
    let (error, ()) = tokio::join!(running.next(), close);
    let error = error.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Closed, Progress::Unknown), "{error}");
    assert_eq!(error.cause(), Some(Cause::Transport));
    assert_eq!(info(&error), json!({"rpcMethod": "hang", "rpcMsgid": 1}));
    let late = client.call("hang", [0; 0]).await.unwrap_err();
    assert_eq!((late.kind(), late.cause()), (ErrorKind::Closed, Some(Cause::Transport)));
}

#[tokio::test]
async fn an_error_has_everything_that_is_known() {
    let server = Server::new(options(":0")).unwrap();
    let fail = |_| async {
        let error = RemoteError {
            context: "[1]".into(),
            ase_errors: r#"[{"name":"Deep"}]"#.into(),
            ..RemoteError::new("Boom", "it broke")
                .with_info(r#"{"rpcMethod":"theirs","big":12345678901234567890123,"a":{"b":1}}"#)
        };
        Err::<(), _>(Error::from_remote(error))
    };
    server.method("fail", fail).unwrap();
    server.method("null", |r: Request| async move { r.send(&Value::Null).await }).unwrap();
    server
        .method("hang", |r: Request| async move {
            r.cancelled().await;
            Ok(())
        })
        .unwrap();
    let address = server.start().await.unwrap().to_string();
    let mut settings = ClientOptions::default();
    // The ids are those of calls.
    settings.watch_servers = false;
    let client = Client::with_options(&address, settings).unwrap();

    let error = client.call("fail", [0; 0]).await.unwrap_err();
    assert_eq!(error.cause().map(Cause::name), Some("FastServerError"));
    let remote = error.remote().unwrap();
    assert_eq!((&*remote.context, &*remote.ase_errors), ("[1]", r#"[{"name":"Deep"}]"#));
    assert!(error.merged_info().contains("12345678901234567890123"), "numbers stay as they came");
    assert_eq!(info(&error)["a"], json!({"b": 1}));
    assert_eq!((&info(&error)["rpcMethod"], &info(&error)["rpcMsgid"]), (&json!("fail"), &json!(1)));

    let error = client.call("null", [0; 0]).await.unwrap_err();
    assert_eq!(error.cause().map(Cause::name), Some("FastProtocolError"));
    assert_eq!(info(&error)["rpcMsgid"], 2);
    assert_eq!(info(&error)["rpcMessage"]["data"]["d"], json!([null]));

    let error = client.call("hang", [0; 0]).timeout(Duration::from_millis(30)).await.unwrap_err();
    assert_eq!(error.cause().map(Cause::name), Some("TimeoutError"));
    assert_eq!(info(&error), json!({"rpcMethod": "hang", "rpcMsgid": 3, "timeout": 30}));

    let error = client.call("nope", [0; 0]).await.unwrap_err();
    assert_eq!(info(&error), json!({"fastReason": "bad_method", "rpcMethod": "nope", "rpcMsgid": 4}));

    let error = client.call("fail", 7).await.unwrap_err();
    assert_eq!((error.cause(), error.merged_info()), (None, ""), "a wrong argument is no failed call");
}

/// A handler that takes no notice of a slow caller is stopped by the bound, not by the memory of the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_never_waits_is_refused_and_can_go_on_later() {
    let mut settings = options(":0");
    settings.write_limit_bytes = 1 << 20;
    let server = Server::new(settings).unwrap();
    let (refused, sent) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let counters = (refused.clone(), sent.clone());
    let flood = move |request: Request| {
        let (refused, sent) = counters.clone();
        async move {
            let value = "x".repeat(100_000);
            let error = loop {
                match request.try_send(&value) {
                    Ok(_) => _ = sent.fetch_add(1, Ordering::Relaxed),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Overload, "{error}");
            assert_eq!(request.end_with(&value).unwrap_err().kind(), ErrorKind::Overload);
            refused.fetch_add(1, Ordering::Relaxed);
            // What a handler returns waits by itself.
            Ok(value)
        }
    };
    server.method("flood", flood).unwrap();
    let address = server.start().await.unwrap().to_string();
    let mut client = Bare::connect(&address);
    client.send(1, "flood", "[]");
    until("the handler is refused", || refused.load(Ordering::Relaxed) == 1).await;
    let values = blocking(move || {
        let mut values = 0;
        while client.next().unwrap().status == Status::Data {
            values += 1;
        }
        values
    });
    assert_eq!(values.await, sent.load(Ordering::Relaxed) + 1);
}

/// The same on the other side: calls to a server that does not read.
#[tokio::test]
async fn a_client_does_not_pile_up_requests_without_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = ClientOptions::default();
    settings.write_limit_bytes = 1 << 20;
    settings.retries = 0;
    let client = Client::with_options(&listener.local_addr().unwrap().to_string(), settings).unwrap();
    client.ready(LONG).await.unwrap();
    let args = ["x".repeat(100_000)];
    let mut waiting = Vec::new();
    let error = loop {
        let mut call = client.stream("m", &args);
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(call.poll_next_value(cx)));
        match first.await {
            std::task::Poll::Ready(Some(Err(error))) => break error,
            _ => waiting.push(call),
        }
        assert!(waiting.len() < 1000, "nothing bounds what waits");
    };
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted), "{error}");
    assert!(error.message().contains("write_limit_bytes"), "{error}");
}

#[tokio::test]
async fn a_call_can_be_buffered_in_part_and_null_values_dropped() {
    let server = Server::new(options(":0")).unwrap();
    let values = |request: Request| async move {
        for value in [json!(1), Value::Null, json!(2), json!(3)] {
            request.send(&value).await?;
        }
        Err::<(), _>(RemoteError::new("Late", "after all of them").into())
    };
    server.method("values", values).unwrap();
    let address = server.start().await.unwrap().to_string();
    let client = Client::new(&address).unwrap();
    let texts =
        |values: &[libfast_rpc::Value]| values.iter().map(|v| v.text().to_owned()).collect::<Vec<_>>();

    let buffered = client.call("values", [0; 0]).ignore_null_values(true).buffer(2).await;
    assert_eq!((texts(&buffered.values), buffered.count), (vec!["1".into(), "2".into()], 3));
    assert_eq!(buffered.error.unwrap().remote().unwrap().name, "Late");
    let buffered = client.call("values", [0; 0]).buffer(0).await;
    assert_eq!((buffered.values.len(), buffered.count), (0, 1));
    assert_eq!(buffered.error.unwrap().kind(), ErrorKind::Protocol);
}

/// Else it would try again at once, for ever: the runtime's thread that does so writes nothing meanwhile.
#[tokio::test]
async fn who_is_refused_has_to_wait_even_if_the_limit_is_below_the_mark_of_a_slow_caller() {
    let mut settings = options(":0");
    settings.write_limit_bytes = 4096;
    let server = Server::new(settings).unwrap();
    let refused = Arc::<AtomicBool>::default();
    let seen = refused.clone();
    let flood = move |request: Request| {
        let refused = seen.clone();
        async move {
            let value = "x".repeat(1000);
            while request.try_send(&value).is_ok() {}
            let context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(request.poll_writable(&context).is_pending());
            refused.store(true, Ordering::Relaxed);
            Ok(value)
        }
    };
    server.method("flood", flood).unwrap();
    let mut client = Bare::connect(&server.start().await.unwrap().to_string());
    client.send(1, "flood", "[]");
    until("the handler is refused", || refused.load(Ordering::Relaxed)).await;
    let end = blocking(move || {
        loop {
            let message = client.next().unwrap();
            if message.status != libfast_protocol::Status::Data {
                return message.status;
            }
        }
    });
    assert_eq!(end.await, libfast_protocol::Status::End);
}

/// A program may end its runtime first. Requests are cancelled then as well, and connections do not stay behind.
#[tokio::test]
async fn a_server_ends_with_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hearing = runtime.spawn(Hearing::start(":0")).await.unwrap();
    let kept = Arc::<Mutex<Option<Request>>>::default();
    let keeper = kept.clone();
    let keep = move |request: Request| *keeper.lock().unwrap() = Some(request);
    hearing.server.handle("keep", Arc::new(keep)).unwrap();
    let mut client = Bare::connect(&hearing.address);
    client.send(1, "keep", "[]");
    hearing.running().await;
    runtime.shutdown_background();
    until("the connection is gone", || hearing.server.connections() == 0).await;
    assert!(kept.lock().unwrap().as_ref().unwrap().is_cancelled());
    assert_eq!(hearing.server.in_flight(), 0);
    assert!(blocking(move || client.next()).await.is_none());
}

/// The client is in the middle of sending something large when the server stops, and reads its answer only then. What the
/// server has written but the client's system not yet taken would be lost with a reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_does_not_take_answers_back() {
    let server = Server::new(options(":0")).unwrap();
    let large = "x".repeat(100_000);
    let taken = Arc::<AtomicBool>::default();
    let told = taken.clone();
    let answer = move |_| {
        told.store(true, Ordering::Relaxed);
        std::future::ready(Ok(large.clone()))
    };
    server.method("large", answer).unwrap();
    let address = server.start().await.unwrap().to_string();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let mut client = Bare::over(socket.into());
    client.send(1, "large", "[]");
    // The beginning of a frame of 16 MB, of which a little more is sent with each read.
    client.stream.write_all(&[2, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0, 0]).unwrap();
    until("the request is taken", || taken.load(Ordering::Relaxed)).await;
    let reading = blocking(move || {
        while std::net::TcpStream::connect(&address).is_ok() {
            std::thread::yield_now();
        }
        let mut read = 0;
        let mut chunk = [0; 4096];
        while read < 100_000 {
            let _ = client.stream.write_all(&[b' '; 1000]);
            let n = client.stream.read(&mut chunk).unwrap();
            assert_ne!(n, 0, "the answer comes before the end: {read} bytes");
            read += n;
        }
    });
    tokio::join!(server.stop(LONG), reading);
}
