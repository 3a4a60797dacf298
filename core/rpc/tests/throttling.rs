//! Calls that are held back while the servers refuse.

use libfast_model::{ClientOptions, ErrorKind, RemoteError, ServerOptions};
use libfast_rpc::{Client, Metrics, Request, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const NONE: [u8; 0] = [];
const CALLS: u64 = 1000;

/// How many of the calls reach a server that refuses, and how many fail here.
async fn reaching(throttle: &str) -> (u64, u64, Metrics) {
    let server = Server::new(ServerOptions::default()).unwrap();
    let (reached, refuses) = (Arc::<AtomicU64>::default(), Arc::new(AtomicBool::new(true)));
    let (seen, mood) = (reached.clone(), refuses.clone());
    let refuse = move |_: Request| {
        seen.fetch_add(1, Ordering::SeqCst);
        let refuses = mood.load(Ordering::SeqCst);
        async move {
            if refuses { Err::<u8, _>(RemoteError::new("FastOverloaded", "full").into()) } else { Ok(1) }
        }
    };
    server.method("m", refuse).unwrap();
    let (address, metrics) = (server.start().await.unwrap().to_string(), Metrics::new());
    let options = ClientOptions::from_pairs([("throttle", throttle), ("retries", "0")]).unwrap();
    let client = Client::with_metrics(&address, options, &metrics).unwrap();
    let mut held_back = 0;
    for _ in 0..CALLS {
        let error = client.call("m", NONE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overload);
        if error.remote().is_none() {
            assert!(error.message().contains("`throttle` holds back"), "{error}");
            held_back += 1;
        }
    }
    let reached = reached.load(Ordering::SeqCst);
    // What still passes finds out that the server takes calls again.
    refuses.store(false, Ordering::SeqCst);
    while client.call("m", NONE).await.is_err() {}
    (reached, held_back, metrics)
}

#[tokio::test]
async fn what_a_server_would_refuse_is_held_back() {
    let (reached, held_back, metrics) = reaching("true").await;
    assert_eq!(reached + held_back, CALLS);
    // A hundred and fifty tell nothing yet; a fifth of the others goes on asking.
    assert!((150..600).contains(&reached), "{reached}");
    let text = metrics.text();
    let counted = text.lines().find_map(|line| line.strip_prefix("fast_client_throttled_calls_total "));
    assert!(counted.unwrap().parse::<u64>().unwrap() >= held_back, "{text}");
}

#[tokio::test]
async fn nothing_is_held_back_unless_asked_for() {
    let (reached, held_back, _) = reaching("false").await;
    assert_eq!((reached, held_back), (CALLS, 0));
}

/// They say nothing about the endpoints.
#[tokio::test]
async fn what_an_interceptor_answers_is_no_call_that_was_taken() {
    let metrics = Metrics::new();
    let options = ClientOptions::from_pairs([("throttle", "true"), ("retries", "0")]).unwrap();
    // Nobody listens there.
    let client = Client::with_metrics("127.0.0.1:1", options, &metrics).unwrap();
    client.intercept(|call| if call.method() == "known" { call.answer(&7) } else { Ok(()) });
    for _ in 0..CALLS {
        client.call("known", NONE).await.unwrap();
    }
    let mut held_back = 0;
    for _ in 0..CALLS {
        let error = client.call("m", NONE).await.unwrap_err();
        held_back += u64::from(error.kind() == ErrorKind::Overload);
    }
    assert!(held_back > 0);
}
