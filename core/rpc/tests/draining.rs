//! A server that stops: what its clients see of it, those that know of draining and those that do not.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::Status;
use libfast_registry::{DirRegistry, Resolution, Resolver};
use libfast_rpc::{Client, Request, Server};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use support::script::Script;
use support::{Bare, LONG, blocking, until};
use tokio::sync::Semaphore;

/// A server that counts the calls of `count` and answers those of `gate` when they are let through.
struct Counted {
    server: Server,
    address: String,
    calls: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
}

impl Counted {
    async fn start(options: &[(&str, &str)]) -> Self {
        let server = Server::new(ServerOptions::from_pairs(options.iter().copied()).unwrap()).unwrap();
        let (calls, gate) = (Arc::<AtomicU64>::default(), Arc::new(Semaphore::new(0)));
        let (counted, waited) = (calls.clone(), gate.clone());
        let count = move |_: Request| {
            let counted = counted.clone();
            async move { Ok(counted.fetch_add(1, Ordering::SeqCst)) }
        };
        let wait = move |_: Request| {
            let waited = waited.clone();
            async move {
                waited.acquire().await.expect("it is never closed").forget();
                Ok("through")
            }
        };
        server.method("count", count).unwrap();
        server.method("gate", wait).unwrap();
        let address = server.start().await.unwrap().to_string();
        Self { server, address, calls, gate }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Stops it in the background.
    fn stop(&self) -> tokio::task::JoinHandle<()> {
        let server = self.server.clone();
        tokio::spawn(async move { server.stop(LONG).await })
    }
}

/// Callers that call without a pause, and never twice.
struct Load {
    enough: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<u64>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let enough = Arc::<AtomicBool>::default();
        let call_on = |_| {
            let (client, enough) = (client.clone(), enough.clone());
            tokio::spawn(async move {
                let mut answered = 0;
                while !enough.load(Ordering::SeqCst) {
                    client.call("count", [0; 0]).await.expect("no call fails");
                    answered += 1;
                }
                answered
            })
        };
        Self { callers: (0..8).map(call_on).collect(), enough }
    }

    /// How many calls were answered.
    async fn end(self) -> u64 {
        self.enough.store(true, Ordering::SeqCst);
        let mut answered = 0;
        for caller in self.callers {
            answered += caller.await.unwrap();
        }
        answered
    }
}

fn state_of(address: &str, client: &Client) -> String {
    let stats: Value = serde_json::from_str(&client.stats()).unwrap();
    let endpoints = stats["endpoints"].as_array().unwrap();
    endpoints.iter().find(|e| e["address"] == address).unwrap()["state"].as_str().unwrap().to_owned()
}

/// Neither server is in a registry, so all that the client knows it knows from the connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_server_stops_at_once_and_no_call_fails() {
    for _ in 0..5 {
        let (stopped, other) = (Counted::start(&[]).await, Counted::start(&[]).await);
        let client = Client::new(&format!("{},{}", stopped.address, other.address)).unwrap();
        let load = Load::start(&client);
        until("both are called", || stopped.calls() > 100 && other.calls() > 100).await;
        tokio::time::timeout(LONG, stopped.stop()).await.expect("well before the drain is over").unwrap();
        let after = other.calls();
        until("the other one is called", || other.calls() > after + 100).await;
        let answered = load.end().await;
        assert_eq!(answered, stopped.calls() + other.calls(), "each call was run once");
        other.server.stop(LONG).await;
    }
}

#[tokio::test]
async fn calls_under_way_are_answered_while_new_ones_go_elsewhere() {
    let (stopped, other) = (Counted::start(&[]).await, Counted::start(&[]).await);
    let client = Client::new(&format!("{},{}", stopped.address, other.address)).unwrap();
    while stopped.calls() == 0 || other.calls() == 0 {
        client.call("count", [0; 0]).await.unwrap();
    }
    // Until both servers have one.
    let mut waiting = Vec::new();
    while stopped.server.in_flight() == 0 || other.server.in_flight() == 0 {
        waiting.push(client.call("gate", [0; 0]).stream());
        tokio::task::yield_now().await;
    }
    let stop = stopped.stop();
    until("the client has left", || state_of(&stopped.address, &client) != "ready").await;
    let before = stopped.calls();
    for _ in 0..50 {
        client.call("count", [0; 0]).await.unwrap();
    }
    assert_eq!(stopped.calls(), before);
    assert!(!stop.is_finished(), "it waits for what runs");
    stopped.gate.add_permits(1000);
    other.gate.add_permits(1000);
    for call in waiting {
        assert_eq!(call.collect().await.unwrap().len(), 1);
    }
    tokio::time::timeout(LONG, stop).await.unwrap().unwrap();
}

/// A signal's thread stops it, and so does the end of `main`, which must not go on before all is done.
#[tokio::test]
async fn every_stop_returns_when_all_is_done_also_if_one_was_given_up() {
    let counted = Counted::start(&[]).await;
    let client = Client::new(&counted.address).unwrap();
    let call = tokio::spawn(client.call("gate", [0; 0]).into_future());
    until("it runs", || counted.server.in_flight() == 1).await;
    for _ in 0..2 {
        let given_up = tokio::time::timeout(Duration::from_millis(10), counted.server.stop(LONG)).await;
        assert!(given_up.is_err(), "a call is under way");
    }
    let stop = counted.stop();
    assert_eq!(counted.server.in_flight(), 1);
    counted.gate.add_permits(1);
    assert_eq!(tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap()[0].text(), r#""through""#);
    tokio::time::timeout(LONG, stop).await.unwrap().unwrap();
    assert!(std::net::TcpListener::bind(&counted.address).is_ok(), "its address is free");
    tokio::time::timeout(LONG, counted.server.stop(LONG)).await.unwrap();
}

/// Polls it once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())).await
}

/// Keeps servers from starting until the value returned is dropped: the only thread that looks for their addresses is busy.
fn hold_up() -> std::sync::mpsc::Sender<()> {
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || wait.recv());
    go_on
}

#[test]
fn a_stop_waits_for_the_start_that_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/calc", folder.path().display());
    let server = || Server::new(ServerOptions::from_pairs([("announce", target.as_str())]).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let (stopped, held_up) = (server(), hold_up());
        let (mut start, mut stop) = (Box::pin(stopped.start()), Box::pin(stopped.stop(LONG)));
        assert!(is_pending(&mut start).await && is_pending(&mut stop).await);
        drop(held_up);
        let (started, ()) = tokio::time::timeout(LONG, async { tokio::join!(start, stop) }).await.unwrap();
        assert_eq!(started.unwrap_err().kind(), ErrorKind::Closed);
        let watch = DirRegistry::open(Some(folder.path().into())).unwrap().watch(&"calc".parse().unwrap());
        until("it is not listed", || matches!(watch.current(), Resolution::Absent)).await;

        let (given_up, held_up) = (server(), hold_up());
        let mut start = Box::pin(given_up.start());
        assert!(is_pending(&mut start).await);
        drop((start, held_up));
        given_up.start().await.expect("it is as if it had not begun");
        tokio::time::timeout(LONG, given_up.stop(LONG)).await.unwrap();
    });
}

/// A restarted server has its calls back although its address is the same.
#[tokio::test]
async fn a_server_that_comes_back_is_called_again() {
    let first = Counted::start(&[]).await;
    let address = first.address.clone();
    let client = Client::new(&address).unwrap();
    client.call("count", [0; 0]).await.unwrap();
    first.server.stop(LONG).await;
    let error = client.call("count", [0; 0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    let second = Counted::start(&[("listen", &address)]).await;
    client.ready(LONG).await.unwrap();
    client.call("count", [0; 0]).await.unwrap();
    assert_eq!(second.calls(), 1);
}

fn payload(frame: &libfast_protocol::Frame) -> Value {
    serde_json::from_slice::<Value>(&frame.payload).unwrap()["d"].clone()
}

#[tokio::test]
async fn a_watch_tells_what_comes_and_the_client_leaves_first() {
    let counted = Counted::start(&[]).await;
    let address = counted.address.clone();
    let mut client = blocking(move || {
        let mut client = Bare::connect(&address);
        client.send(1, "_fast.ping", "[]");
        let answer = client.next().unwrap();
        assert_eq!((answer.status, answer.msgid), (Status::End, 1));
        client.send(2, "_fast.watch", "[]");
        assert_eq!(payload(&client.next().unwrap()), json!([{"state": "serving"}]));
        client
    })
    .await;
    let kang: Value = serde_json::from_str(&counted.server.kang()).unwrap();
    assert_eq!(counted.server.in_flight(), 0, "{kang}");
    let stop = counted.stop();
    let client = blocking(move || {
        assert_eq!(payload(&client.next().unwrap()), json!([{"state": "draining"}]));
        let leave = client.next().unwrap();
        assert_eq!((leave.status, leave.msgid), (Status::End, 2));
        // It may have been on its way.
        client.send(3, "count", "[]");
        let (value, end) = (client.next().unwrap(), client.next().unwrap());
        assert_eq!((payload(&value), value.msgid, end.status), (json!([0]), 3, Status::End));
        client
    })
    .await;
    assert!(!stop.is_finished(), "the client is still there");
    drop(client);
    tokio::time::timeout(LONG, stop).await.unwrap().unwrap();
}

/// A client such as node-fast's, which would lose what is under way if the server ended the stream before.
#[tokio::test]
async fn a_client_that_knows_nothing_of_it_gets_its_answers_before_the_end() {
    let counted = Counted::start(&[]).await;
    let mut client = Bare::connect(&counted.address);
    client.send(1, "gate", "[]");
    until("it runs", || counted.server.in_flight() == 1).await;
    let stop = counted.stop();
    tokio::time::timeout(LONG, async {
        while tokio::net::TcpStream::connect(&counted.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nothing more is accepted");
    client.send(2, "count", "[]");
    let gate = counted.gate.clone();
    blocking(move || {
        assert_eq!(payload(&client.next().unwrap()), json!([0]), "it is served as long as it is there");
        assert_eq!(client.next().unwrap().status, Status::End);
        gate.add_permits(1);
        assert_eq!(payload(&client.next().unwrap()), json!(["through"]));
        assert_eq!(client.next().unwrap().status, Status::End);
        assert!(client.next().is_none());
    })
    .await;
    tokio::time::timeout(LONG, stop).await.unwrap().unwrap();
}

/// The entry says it before it goes, so that who reads the list does not take the server for dead.
#[tokio::test]
async fn the_registry_says_that_a_server_drains() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/calc", folder.path().display());
    let counted = Counted::start(&[("announce", &target)]).await;
    let mut watch = DirRegistry::open(Some(folder.path().into())).unwrap().watch(&"calc".parse().unwrap());
    // Somebody who knows nothing of draining and calls on keeps the grace from being cut short.
    let busy = Arc::<AtomicBool>::default();
    let (address, enough) = (counted.address.clone(), busy.clone());
    let caller = tokio::task::spawn_blocking(move || {
        let mut client = Bare::connect(&address);
        for id in 1.. {
            client.send(id, "count", "[]");
            if client.next().is_none() || client.next().is_none() || enough.load(Ordering::SeqCst) {
                return;
            }
        }
    });
    until("it is called", || counted.calls() > 0).await;
    let stop = counted.stop();
    let (mut draining, mut gone) = (false, false);
    while !gone {
        match tokio::time::timeout(LONG, watch.changed()).await.unwrap() {
            Resolution::Bound(listed) => draining |= listed.iter().any(|p| p.endpoint.draining),
            Resolution::Absent => gone = true,
            _ => {}
        }
        if draining {
            busy.store(true, Ordering::SeqCst);
        }
    }
    assert!(draining);
    caller.await.unwrap();
    tokio::time::timeout(LONG, stop).await.unwrap().unwrap();
}

/// Rounds of restarts on all servers of a service, one after the other, as an operator rolls out a version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/calc", folder.path().display());
    let options = [("announce", target.as_str())];
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Counted::start(&options).await);
    }
    let client = Client::new(&target).unwrap();
    let load = Load::start(&client);
    let mut run = 0;
    for round in 0..6 {
        let old = std::mem::replace(&mut servers[round % 3], Counted::start(&options).await);
        let new = &servers[round % 3];
        until("the new one is called", || new.calls() > 0).await;
        old.server.stop(LONG).await;
        run += old.calls();
    }
    let answered = load.end().await;
    assert_eq!(answered, run + servers.iter().map(Counted::calls).sum::<u64>(), "each call was run once");
}

#[tokio::test]
async fn names_of_the_library_are_no_names_for_methods() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let error = server.method("_fast.mine", |_| async { Ok(()) }).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("_fast."), "{error}");
}

/// What is not wanted is not asked for.
#[tokio::test]
async fn a_client_that_shall_not_watch_sends_its_calls_only() {
    let script = support::script::Script::once(|mut peer| {
        for id in 1..=2 {
            assert_eq!(peer.next().unwrap().msgid, id);
            peer.say(Status::End, id, r#"{"d":[]}"#);
        }
        assert!(peer.next().is_none());
    });
    let options = ClientOptions::from_pairs([("watch_servers", "false")]).unwrap();
    let client = Client::with_options(&script.address, options).unwrap();
    for _ in 0..2 {
        client.call("m", [0; 0]).await.unwrap();
    }
    client.close(Duration::ZERO).await;
    script.finish().await;
}

/// A call that waits for a connection that is left at once: that is neither its failure nor the server's.
#[tokio::test]
async fn leaving_is_no_failure() {
    let script = Script::start(vec![
        Box::new(|mut bare: Bare| {
            let first = bare.next().unwrap();
            bare.say(Status::End, first.msgid, r#"{"d":["first"]}"#);
            let watch = bare.next().unwrap();
            assert_eq!(watch.method().as_deref(), Some("_fast.watch"));
            bare.say(Status::Data, watch.msgid, r#"{"d":[{"state":"serving"}]}"#);
            bare.say(Status::End, watch.msgid, r#"{"d":[]}"#);
            bare.until_ended();
        }),
        Box::new(|mut bare: Bare| {
            let late = bare.next().unwrap();
            bare.say(Status::End, late.msgid, r#"{"d":["late"]}"#);
            bare.until_ended();
        }),
    ]);
    let options = ClientOptions::from_pairs([("timeout_ms", "20000")]).unwrap();
    let client = Client::with_options(&script.address, options).unwrap();
    // Both wait for the connection. One is looked at no more before it is there, used and left.
    let late = client.stream("late", [0; 0]);
    assert_eq!(client.call("first", [0; 0]).await.unwrap().len(), 1);
    until("the client has left", || state_of(&script.address, &client) != "ready").await;
    assert_eq!(late.collect().await.unwrap()[0].text(), r#""late""#);
    let stats: Value = serde_json::from_str(&client.stats()).unwrap();
    assert_eq!(stats["endpoints"][0]["failures"], 0, "{stats}");
    drop(client);
    script.finish().await;
}

/// Some servers answer any method. They have not asked anybody to leave.
#[tokio::test]
async fn a_server_that_answers_the_watch_with_nothing_keeps_its_client() {
    let script = Script::once(|mut bare| {
        let mut calls = 0;
        while calls < 5 {
            let request = bare.next().expect("a request on the one connection");
            calls += usize::from(request.method().as_deref() == Some("a"));
            bare.say(Status::End, request.msgid, r#"{"m":{"uts":1,"name":"x"},"d":[]}"#);
        }
        bare.until_ended();
    });
    let mut options = ClientOptions::default();
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&script.address, options).unwrap();
    for _ in 0..5 {
        client.call("a", [0; 0]).await.unwrap();
    }
    drop(client);
    script.finish().await;
}

/// Who began it may have stopped waiting, as one that is given a time does.
#[tokio::test]
async fn a_server_that_is_to_accept_no_more_serves_to_the_end_although_nobody_waits() {
    let stopped = Counted::start(&[("drain_grace_ms", "60000")]).await;
    let client = Client::new(&stopped.address).unwrap();
    let load = Load::start(&client);
    until("it is called", || stopped.calls() > 100).await;
    {
        let mut accepting = std::pin::pin!(stopped.server.stop_accepting());
        assert!(std::future::poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx).is_pending())).await);
    }
    // Whatever was dropped with it is gone by then.
    let before = stopped.calls();
    until("it serves on", || stopped.calls() > before + 100).await;
    let late = Client::new(&stopped.address).unwrap();
    late.call("count", [0; 0]).await.expect("as long as somebody comes");
    load.end().await;
    until("it accepts no more", || std::net::TcpStream::connect(&stopped.address).is_err()).await;
    client.call("count", [0; 0]).await.expect("those who are there are served");
    tokio::time::timeout(LONG, stopped.server.stop_accepting()).await.expect("it is done");
    stopped.server.stop(LONG).await;
}
