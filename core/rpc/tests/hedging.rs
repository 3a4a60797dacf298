//! Calls that get a second attempt when the first one takes long.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::Status;
use libfast_rpc::{CallEvent, CallObserver, Client, Metrics, Request, Server};
use std::sync::{Arc, Mutex, mpsc};
use support::script::Script;
use support::{Bare, LONG, endpoint};
use tokio::task::JoinHandle;

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

/// The endpoints that were picked for a call, in order.
type Picks = Arc<Mutex<Vec<String>>>;

/// A call that goes on in the background.
fn begin(client: &Client, idempotent: bool) -> (JoinHandle<libfast_model::Result<usize>>, Picks) {
    let picks = Picks::default();
    let noted = picks.clone();
    let mut options = client.call_options();
    options.idempotent = idempotent;
    options.observer = Some(CallObserver::new(move |event| {
        if let CallEvent::Picked { endpoint } = event {
            noted.lock().unwrap().push(endpoint.to_string());
        }
    }));
    let call = client.start("m", "[]".into(), options);
    (tokio::spawn(async { call.collect().await.map(|values| values.len()) }), picks)
}

fn attempts(picks: &Picks) -> usize {
    picks.lock().unwrap().len()
}

/// It would run twice.
#[tokio::test]
async fn a_call_that_is_not_idempotent_is_never_hedged() {
    let (one, other, metrics) = (silent(), silent(), Metrics::new());
    let target = format!("{},{}", one.address, other.address);
    let client = client(&target, &metrics, &[("hedge", "true"), ("timeout_ms", "0")]);
    client.ready(LONG).await.unwrap();
    let (once, picks_once) = begin(&client, false);
    // It gets its second attempt later than the other one would.
    let (twice, picks_twice) = begin(&client, true);
    support::until("it is hedged", || attempts(&picks_twice) == 2).await;
    assert_eq!(attempts(&picks_once), 1);
    assert_eq!(["won", "lost", "denied"].map(|outcome| count(&metrics, outcome)), [0; 3]);
    once.abort();
    twice.abort();
    drop((once.await, twice.await, client));
    one.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn no_more_than_a_part_of_the_calls_is_hedged() {
    let (one, other, metrics) = (silent(), silent(), Metrics::new());
    let target = format!("{},{}", one.address, other.address);
    let options = [("hedge", "true"), ("hedge_percent", "0"), ("timeout_ms", "0")];
    let client = client(&target, &metrics, &options);
    let (call, picks) = begin(&client, true);
    support::until("it is denied", || count(&metrics, "denied") == 1).await;
    assert_eq!((attempts(&picks), count(&metrics, "won")), (1, 0));
    call.abort();
    drop((call.await, client));
    // Only one of both was called.
    for script in [one, other] {
        drop(std::net::TcpStream::connect(&script.address));
        script.finish().await;
    }
}

/// It is no attempt: the call is repeated as often as it may be.
#[tokio::test]
async fn a_second_attempt_of_which_nothing_was_sent_does_not_count() {
    // Hangs up when told, having read nothing; the next time it answers.
    let script = || {
        let (hang_up, wait) = mpsc::channel::<()>();
        let hangs_up = move |bare: Bare| {
            wait.recv().unwrap();
            drop(bare);
        };
        let answers = |mut bare: Bare| {
            while let Some(frame) = bare.next() {
                bare.say(Status::End, frame.msgid, r#"{"d":["again"]}"#);
            }
        };
        (Script::start(vec![Box::new(hangs_up), Box::new(answers)]), hang_up)
    };
    let (mut both, metrics) = ([script(), script()], Metrics::new());
    let target = format!("{},{}", both[0].0.address, both[1].0.address);
    let options = [("hedge", "true"), ("retries", "1"), ("timeout_ms", "0")];
    let client = client(&target, &metrics, &options);
    let picks = |script: &Script| endpoint(&client, &script.address)["picks"].as_u64().unwrap();
    // More than the system takes for a server that reads nothing, so that what follows waits behind it.
    let large = client.call("m", ["x".repeat(15 << 20)]).idempotent(false).stream();
    let large = tokio::spawn(large.collect());
    support::until("it is under way", || both.iter().any(|(script, _)| picks(script) == 1)).await;
    if picks(&both[0].0) == 0 {
        both.swap(0, 1);
    }
    let [(busy, break_busy), (first, break_first)] = both;
    let (call, picked) = begin(&client, true);
    support::until("it is hedged", || attempts(&picked) == 2).await;
    assert_eq!((picks(&busy), picks(&first)), (2, 1));
    break_busy.send(()).unwrap();
    support::until("the second one has failed", || count(&metrics, "lost") == 1).await;
    break_first.send(()).unwrap();
    let answered = tokio::time::timeout(LONG, call).await.unwrap().unwrap();
    assert_eq!(answered.unwrap_or_else(|error| panic!("{error}")), 1);
    assert!(large.await.unwrap().is_err());
    drop(client);
    for script in [busy, first] {
        // If it was not called a second time.
        drop(std::net::TcpStream::connect(&script.address));
        script.finish().await;
    }
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
    let script = || {
        let (hang_up, wait) = mpsc::channel::<()>();
        let hangs_up = Script::once(move |mut bare: Bare| {
            bare.next().expect("an attempt");
            wait.recv().unwrap();
        });
        (hangs_up, hang_up)
    };
    let (both, metrics) = ([script(), script()], Metrics::new());
    let options = [("hedge", "true"), ("retries", "5"), ("timeout_ms", "0")];
    let client = client(&format!("{},{}", both[0].0.address, both[1].0.address), &metrics, &options);
    let (call, picks) = begin(&client, true);
    support::until("it is hedged", || attempts(&picks) == 2).await;
    let hang_up = |attempt: usize| {
        let address = picks.lock().unwrap()[attempt].clone();
        let (_, hang_up) = both.iter().find(|(script, _)| script.address == address).unwrap();
        hang_up.send(()).unwrap();
    };
    hang_up(1);
    support::until("the second one has failed", || count(&metrics, "lost") == 1).await;
    hang_up(0);
    let error = tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.kind(), attempts(&picks)), (ErrorKind::ConnectionLost, 2), "{error}");
    drop(client);
    for (script, _) in both {
        script.finish().await;
    }
}
