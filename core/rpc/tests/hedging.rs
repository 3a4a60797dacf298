//! Calls that get a second attempt when the first one takes long.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::Status;
use libfast_rpc::{Client, Metrics, Request, Server};
use std::sync::{Arc, Mutex, mpsc};
use support::script::Script;
use support::{Bare, LONG, endpoint};

const NONE: [u8; 0] = [];

/// A server whose method `m` answers at once.
async fn serve() -> (Server, String) {
    let server = Server::new(ServerOptions::default()).unwrap();
    server.method("m", |_: Request| async { Ok("quick") }).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address)
}

/// A server that accepts one connection and answers nothing.
fn silent() -> Script {
    Script::once(|mut bare| bare.until_ended())
}

fn client(target: &str, metrics: &Metrics, pairs: &[(&str, &str)]) -> Client {
    let common =
        [("policy", "round_robin"), ("watch_servers", "false"), ("hedge_ms", "1"), ("hedge_percent", "100")];
    let options = ClientOptions::from_pairs(common.iter().chain(pairs).copied()).unwrap();
    Client::with_metrics(target, options, metrics).unwrap()
}

fn count(metrics: &Metrics, outcome: &str) -> u64 {
    support::metric(metrics, &format!("fast_client_hedges_total{{reason=\"slow\",outcome=\"{outcome}\"}}"))
}

#[tokio::test]
async fn the_first_answer_counts_and_says_nothing_against_the_other_endpoint() {
    let ((_server, good), silent, metrics) = (serve().await, silent(), Metrics::new());
    let target = format!("{good},{}", silent.address);
    let client = client(&target, &metrics, &[("hedge", "true"), ("idempotent", "true"), ("timeout_ms", "0")]);
    for _ in 0..10 {
        let values = tokio::time::timeout(LONG, client.call("m", NONE)).await.unwrap().unwrap();
        assert_eq!(values[0].text(), r#""quick""#);
    }
    let known = endpoint(&client, &silent.address);
    assert_eq!((&known["failures"], &known["in_flight"]), (&0.into(), &0.into()), "{known}");
    assert!(known["picks"].as_u64() >= Some(5) && count(&metrics, "won") >= 5, "{known}");
    drop(client);
    silent.finish().await;
}

/// Neither answers. What was under way is under way no more, although the call is still there.
#[tokio::test]
async fn a_call_that_times_out_gives_up_both_attempts() {
    let (one, other, metrics) = (silent(), silent(), Metrics::new());
    let options = [("hedge", "true"), ("idempotent", "true"), ("timeout_ms", "200")];
    let client = client(&format!("{},{}", one.address, other.address), &metrics, &options);
    let mut call = client.stream("m", NONE);
    let error = tokio::time::timeout(LONG, call.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    for script in [&one, &other] {
        assert_eq!(endpoint(&client, &script.address)["in_flight"], 0);
    }
    assert_eq!(count(&metrics, "lost"), 1);
    drop((call, client));
    one.finish().await;
    other.finish().await;
}

/// It would run twice.
#[tokio::test]
async fn a_call_that_is_not_idempotent_is_never_hedged() {
    let ((_server, good), silent, metrics) = (serve().await, silent(), Metrics::new());
    let client =
        client(&format!("{good},{}", silent.address), &metrics, &[("hedge", "true"), ("timeout_ms", "200")]);
    let ends = [client.call("m", NONE).await, client.call("m", NONE).await];
    let failed: Vec<_> = ends.into_iter().filter_map(Result::err).map(|error| error.kind()).collect();
    assert_eq!(failed, [ErrorKind::Timeout], "that of the turn of the silent one");
    assert_eq!(["won", "lost", "denied"].map(|outcome| count(&metrics, outcome)), [0; 3]);
    drop(client);
    silent.finish().await;
}

#[tokio::test]
async fn no_more_than_a_part_of_the_calls_is_hedged() {
    let ((_server, good), silent, metrics) = (serve().await, silent(), Metrics::new());
    let target = format!("{good},{}", silent.address);
    let client =
        client(&target, &metrics, &[("hedge_percent", "0"), ("idempotent", "true"), ("timeout_ms", "200")]);
    let ends = [client.call("m", NONE).hedge(true).await, client.call("m", NONE).hedge(true).await];
    assert_eq!(ends.iter().filter(|end| end.is_err()).count(), 1);
    assert_eq!((count(&metrics, "denied"), count(&metrics, "won")), (1, 0));
    drop(client);
    silent.finish().await;
}

/// Without a fixed time it is what 95 of 100 calls take, which has to be known first.
#[tokio::test]
async fn what_takes_long_is_learned_from_the_calls() {
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let stops = Script::once(|mut bare| {
        for _ in 0..30 {
            let id = bare.next().expect("a request").msgid;
            bare.say(Status::End, id, r#"{"d":["quick"]}"#);
        }
        bare.until_ended();
    });
    let options = [("hedge", "true"), ("idempotent", "true"), ("hedge_ms", "0"), ("timeout_ms", "0")];
    let client = client(&format!("{good},{}", stops.address), &metrics, &options);
    for call in 0..100 {
        if call == 10 {
            assert_eq!((count(&metrics, "won"), count(&metrics, "lost")), (0, 0), "too little is known");
        }
        tokio::time::timeout(LONG, client.call("m", NONE)).await.unwrap().unwrap();
    }
    assert!(count(&metrics, "won") >= 1);
    drop(client);
    stops.finish().await;
}

/// The other one of both goes on, and no third one is made.
#[tokio::test]
async fn when_one_attempt_fails_the_other_goes_on() {
    let (second_is_there, wait_for_second) = mpsc::channel::<()>();
    let (answer, wait_for_answer) = mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(vec![wait_for_answer, wait_for_second]));
    // Whichever is called first hangs up when the other one is called, which answers in the end.
    let script = || {
        let (waits, second_is_there) = (waits.clone(), second_is_there.clone());
        Script::once(move |mut bare: Bare| {
            let id = bare.next().expect("an attempt").msgid;
            let (wait, is_first) = {
                let mut waits = waits.lock().unwrap();
                (waits.pop().unwrap(), waits.len() == 1)
            };
            if !is_first {
                second_is_there.send(()).unwrap();
            }
            wait.recv().unwrap();
            if !is_first {
                bare.say(Status::End, id, r#"{"d":["second"]}"#);
                bare.until_ended();
            }
        })
    };
    let (one, other, metrics) = (script(), script(), Metrics::new());
    let options = [("hedge", "true"), ("idempotent", "true"), ("retries", "0"), ("timeout_ms", "0")];
    let client = client(&format!("{},{}", one.address, other.address), &metrics, &options);
    let call = tokio::spawn(client.call("m", NONE).into_future());
    let failures =
        || [&one, &other].map(|script| endpoint(&client, &script.address)["failures"].as_u64().unwrap());
    support::until("the first one has hung up", || failures().iter().sum::<u64>() == 1).await;
    answer.send(()).unwrap();
    let values = tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap();
    assert_eq!(values[0].text(), r#""second""#);
    drop(client);
    one.finish().await;
    other.finish().await;
}

/// There is nothing to pay for.
#[tokio::test]
async fn where_there_is_nobody_else_no_second_attempt_is_denied() {
    let (silent, metrics) = (silent(), Metrics::new());
    let options = [
        ("hedge", "true"),
        ("idempotent", "true"),
        ("hedge_percent", "0"),
        ("retry_percent", "0"),
        ("retries_per_second", "0"),
        ("timeout_ms", "100"),
    ];
    let client = client(&silent.address, &metrics, &options);
    let error = client.call("m", NONE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(["won", "lost", "denied"].map(|outcome| count(&metrics, outcome)), [0; 3]);
    drop(client);
    silent.finish().await;
}

/// First the second one fails, and then the first.
#[tokio::test]
async fn where_the_second_attempt_failed_there_is_no_third_one() {
    let (hang_up, wait) = mpsc::channel::<()>();
    let waits = Arc::new(Mutex::new(Some(wait)));
    let script = || {
        let waits = waits.clone();
        Script::once(move |mut bare: Bare| {
            bare.next().expect("an attempt");
            let wait = waits.lock().unwrap().take();
            if let Some(wait) = wait {
                wait.recv().unwrap();
            }
        })
    };
    let (one, other, metrics) = (script(), script(), Metrics::new());
    let options = [("hedge", "true"), ("idempotent", "true"), ("retries", "5"), ("timeout_ms", "0")];
    let client = client(&format!("{},{}", one.address, other.address), &metrics, &options);
    let call = tokio::spawn(client.call("m", NONE).into_future());
    let sum = |what: &str| -> u64 {
        [&one, &other].iter().map(|script| endpoint(&client, &script.address)[what].as_u64().unwrap()).sum()
    };
    support::until("the second one has failed", || count(&metrics, "lost") == 1).await;
    hang_up.send(()).unwrap();
    let error = tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.kind(), sum("picks")), (ErrorKind::ConnectionLost, 2), "{error}");
    drop(client);
    one.finish().await;
    other.finish().await;
}
