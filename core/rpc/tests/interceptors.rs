//! What programs put around calls, on both sides.

mod support;

use libfast_model::{ClientOptions, ErrorKind, Policy, RemoteError, ServerOptions};
use libfast_rpc::{Client, Outcome, Request, Server};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A line for the end of a call.
    fn end(&self, who: &str) -> impl FnOnce(&Outcome<'_>) + Send + use<> {
        let (log, who) = (self.clone(), who.to_owned());
        move |outcome| {
            let how = outcome.error.map_or("ok", |error| error.kind().name());
            log.add(format!("{who} ended: {} values, {how}", outcome.values));
        }
    }
}

/// A server of `add` and `range`, and a client of it.
struct Pair {
    server: Server,
    client: Client,
    address: String,
    /// Requests that a handler has seen.
    handled: Arc<AtomicU64>,
}

impl Pair {
    async fn start() -> Self {
        let mut options = ServerOptions::default();
        options.listen = "127.0.0.1:0".into();
        let server = Server::new(options).unwrap();
        let handled = Arc::new(AtomicU64::new(0));
        let seen = handled.clone();
        let add = move |request: Request| {
            seen.fetch_add(1, Ordering::Relaxed);
            async move { request.args::<(i64, i64)>().map(|(a, b)| a + b) }
        };
        server.method("add", add).unwrap();
        let range = |request: Request| async move {
            let (n,): (u64,) = request.args()?;
            for i in 0..n {
                request.send(&i).await?;
            }
            Ok(())
        };
        server.method("range", range).unwrap();
        let address = server.start().await.unwrap().to_string();
        let client = client_of(&address);
        Self { server, client, address, handled }
    }

    async fn add(&self) -> libfast_model::Result<Vec<i64>> {
        let values = self.client.call("add", (2, 3)).await?;
        values.iter().map(|value| value.parse()).collect()
    }

    fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }
}

fn client_of(target: &str) -> Client {
    let mut options = ClientOptions::default();
    options.timeout_ms = LONG.as_millis() as u64;
    Client::with_options(target, options).unwrap()
}

#[tokio::test]
async fn three_see_a_call_in_order_and_its_end_in_reverse() {
    let pair = Pair::start().await;
    let (there, here) = (Log::default(), Log::default());
    for name in ["first", "second", "third"] {
        let log = here.clone();
        pair.client.intercept(move |call| {
            log.add(format!("{name} {} {:?}", call.method(), call.args_text()));
            call.on_end(log.end(name));
            Ok(())
        });
        let log = there.clone();
        pair.server.intercept(move |call| {
            log.add(format!("{name} {} {:?}", call.method(), call.request().args_text()));
            call.on_end(log.end(name));
            Ok(())
        });
    }
    assert_eq!(pair.add().await.unwrap(), [5]);
    let lines = [
        "first add b\"[2,3]\"",
        "second add b\"[2,3]\"",
        "third add b\"[2,3]\"",
        "third ended: 1 values, ok",
        "second ended: 1 values, ok",
        "first ended: 1 values, ok",
    ];
    assert_eq!(here.take(), lines);
    // The caller may have its answer before the server's interceptors know of it.
    until("the server's interceptors hear of the end", || there.0.lock().unwrap().len() == lines.len()).await;
    assert_eq!(there.take(), lines);
}

#[tokio::test]
async fn a_clients_interceptor_answers_or_fails_a_call_and_nobody_after_it_sees_it() {
    let client = client_of("127.0.0.1:1");
    let log = Log::default();
    let outer = log.clone();
    client.intercept(move |call| {
        call.on_end(outer.end(call.method()));
        Ok(())
    });
    client.intercept(|call| match call.method() {
        "two" => {
            call.answer(&1)?;
            call.answer_text("\"zwei\"")
        }
        "none" => call.answer(&()),
        "junk" => call.answer_text("{"),
        _ => Err(RemoteError::new("Denied", "not today").into()),
    });
    client.intercept(|call| panic!("{call:?} went on"));
    let two = client.call("two", ()).await.unwrap();
    assert_eq!(two.iter().map(|value| value.text()).collect::<Vec<_>>(), ["1", "\"zwei\""]);
    assert!(client.call("none", ()).await.unwrap().is_empty());
    let denied = client.call("other", ()).await.unwrap_err();
    assert_eq!(denied.remote().map(|remote| remote.name.as_str()), Some("Denied"));
    assert!(denied.merged_info().contains(r#""rpcMethod":"other""#), "{}", denied.merged_info());
    assert_eq!(client.call("junk", ()).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(
        log.take(),
        [
            "two ended: 2 values, ok",
            "none ended: 0 values, ok",
            "other ended: 0 values, FAST_E_REMOTE",
            "junk ended: 0 values, FAST_E_INVALID",
        ]
    );
    client.close(Duration::ZERO).await;
}

#[tokio::test]
async fn a_servers_interceptor_answers_or_refuses_and_no_handler_runs() {
    let pair = Pair::start().await;
    let answers = Arc::new(AtomicU64::new(0));
    let turn = answers.clone();
    pair.server.intercept(move |call| match turn.fetch_add(1, Ordering::Relaxed) {
        0 => {
            call.answer(&7)?;
            call.answer(&8)
        }
        1 => Err(RemoteError::new("Denied", "not you").with_info(r#"{"role":"guest"}"#).into()),
        2 => call.answer(&()),
        _ => Ok(()),
    });
    assert_eq!(pair.add().await.unwrap(), [7, 8]);
    let denied = pair.add().await.unwrap_err();
    let remote = denied.remote().expect("the server said so");
    assert_eq!(
        (&*remote.name, &*remote.message, &*remote.info),
        ("Denied", "not you", r#"{"role":"guest"}"#)
    );
    assert!(pair.add().await.unwrap().is_empty());
    assert_eq!(pair.handled(), 0);
    assert_eq!(pair.add().await.unwrap(), [5]);
    assert_eq!((pair.handled(), pair.server.in_flight()), (1, 0));
}

#[tokio::test]
async fn arguments_and_options_may_be_changed() {
    let pair = Pair::start().await;
    let target = pair.address.clone();
    pair.client.intercept(move |call| {
        assert_eq!(call.target(), target);
        match call.method() {
            "add" => call.set_args(&(20, 22)),
            "wrong" => {
                call.set_args_text("{}".into());
                Ok(())
            }
            _ => {
                call.options.timeout = Some(Duration::ZERO);
                Ok(())
            }
        }
    });
    assert_eq!(pair.add().await.unwrap(), [42]);
    assert_eq!(pair.client.call("wrong", ()).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(pair.client.call("range", (1,)).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn one_that_panics_hurts_only_its_call() {
    let pair = Pair::start().await;
    let (calls, log) = (AtomicU64::new(0), Log::default());
    let ends = log.clone();
    pair.client.intercept(move |call| {
        let nth = calls.fetch_add(1, Ordering::Relaxed);
        call.on_end(ends.end("the call"));
        call.on_end(move |_| assert_ne!(nth, 2, "at the end"));
        call.on_value(move |_| assert_ne!(nth, 2, "at a value"));
        assert_ne!(nth, 0, "before the call");
        Ok(())
    });
    let requests = AtomicU64::new(0);
    pair.server.intercept(move |_| {
        assert_ne!(requests.fetch_add(1, Ordering::Relaxed), 0, "before the handler");
        Ok(())
    });
    assert_eq!(pair.add().await.unwrap_err().kind(), ErrorKind::Panic);
    let refused = pair.add().await.unwrap_err();
    assert!(refused.message().contains("an interceptor of \"add\" panicked"), "{refused}");
    // What panics beside a call does not fail it.
    assert_eq!(pair.add().await.unwrap(), [5]);
    assert_eq!(pair.add().await.unwrap(), [5]);
    assert_eq!(
        log.take(),
        [
            "the call ended: 0 values, FAST_E_PANIC",
            "the call ended: 0 values, FAST_E_REMOTE",
            "the call ended: 1 values, ok",
            "the call ended: 1 values, ok",
        ]
    );
}

#[tokio::test]
async fn each_value_of_a_stream_is_seen_on_both_sides() {
    let pair = Pair::start().await;
    let (here, there) = (Log::default(), Log::default());
    let log = here.clone();
    pair.client.intercept(move |call| {
        let values = log.clone();
        call.on_value(move |value| values.add(value.text()));
        call.on_end(log.end("stream"));
        Ok(())
    });
    let log = there.clone();
    pair.server.intercept(move |call| {
        let values = log.clone();
        call.on_value(move |value| values.add(value.text()));
        call.on_end(log.end("stream"));
        Ok(())
    });
    let lines = ["0", "1", "2", "stream ended: 3 values, ok"];
    assert_eq!(pair.client.call("range", (3,)).await.unwrap().len(), 3);
    assert_eq!(here.take(), lines);
    until("the server's interceptor hears of the end", || there.0.lock().unwrap().len() == lines.len()).await;
    assert_eq!(there.take(), lines);
    // One that is left before its end.
    let mut stream = pair.client.stream("range", (3,));
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(here.take(), ["0", "stream ended: 1 values, FAST_E_ABANDONED"]);
}

#[tokio::test]
async fn a_server_hears_that_the_caller_is_gone() {
    let pair = Pair::start().await;
    let log = Log::default();
    let ends = log.clone();
    pair.server.intercept(move |call| {
        call.on_end(ends.end("answer"));
        Ok(())
    });
    let mut stream = pair.client.stream("range", (u64::MAX,));
    stream.next().await.unwrap().unwrap();
    drop(stream);
    pair.client.close(Duration::ZERO).await;
    until("the end is told", || !log.0.lock().unwrap().is_empty()).await;
    let line = log.take().remove(0);
    assert!(line.ends_with("FAST_E_CLOSED"), "{line}");
}

#[tokio::test]
async fn the_outcome_says_where_and_how_often() {
    let pair = Pair::start().await;
    let mut options = ClientOptions::default();
    options.policy = Policy::RoundRobin;
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&format!("127.0.0.1:1,{}", pair.address), options).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let outcomes = seen.clone();
    client.intercept(move |call| {
        let outcomes = outcomes.clone();
        call.on_end(move |outcome| {
            assert!(outcome.duration > Duration::ZERO);
            outcomes.lock().unwrap().push((outcome.endpoint.to_owned(), outcome.attempts));
        });
        Ok(())
    });
    for _ in 0..2 {
        client.call("add", (2, 3)).await.unwrap();
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert!(seen.contains(&(pair.address.clone(), 2)), "one of two calls went to nobody first: {seen:?}");
    assert!(seen.iter().all(|(endpoint, _)| *endpoint == pair.address), "{seen:?}");
}
