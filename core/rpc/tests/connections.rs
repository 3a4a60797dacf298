//! The connections to one endpoint: how many there are, and how long they are used.

mod support;

use libfast_model::{ClientOptions, ErrorKind};
use libfast_protocol::Status;
use libfast_rpc::{Client, Metrics};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use support::script::Script;
use support::{Bare, LONG, until};

const NONE: [u8; 0] = [];

fn client(target: &str, metrics: &Metrics, pairs: &[(&str, &str)]) -> Client {
    let common = [("watch_servers", "false"), ("timeout_ms", "20000")];
    let options = ClientOptions::from_pairs(common.iter().chain(pairs).copied()).unwrap();
    Client::with_metrics(target, options, metrics).unwrap()
}

/// The sum over the series of that name with that label.
fn count(metrics: &Metrics, name: &str, label: &str) -> i64 {
    let text = metrics.text();
    let series = text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).sum()
}

fn ready(metrics: &Metrics) -> i64 {
    count(metrics, "fast_client_connections", r#"state="ready""#)
}

/// Answers the next request.
fn answer(bare: &mut Bare) {
    let id = bare.next().expect("a request").msgid;
    bare.say(Status::End, id, r#"{"d":[1]}"#);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_the_next_call_makes_another_one() {
    let one_call = || -> Box<dyn FnOnce(Bare) + Send> {
        Box::new(|mut bare| {
            answer(&mut bare);
            bare.until_ended();
        })
    };
    let (script, metrics) = (Script::start(vec![one_call(), one_call()]), Metrics::new());
    let client = client(&script.address, &metrics, &[("connection_idle_ms", "40")]);
    for round in 1..=2 {
        client.call("m", NONE).await.unwrap();
        until("it is closed", || count(&metrics, "fast_client_retired_connections_total", "idle") == round)
            .await;
        until("none is there", || ready(&metrics) == 0).await;
    }
    script.finish().await;
    let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
    assert_eq!(
        (&stats["endpoints"][0]["state"], &stats["endpoints"][0]["failures"]),
        (&"idle".into(), &0.into())
    );
}

/// Nothing is idle on which somebody waits.
#[tokio::test]
async fn a_connection_with_a_call_under_way_is_not_idle() {
    let (go_on, wait) = mpsc::channel::<()>();
    let script = Script::once(move |mut bare| {
        let id = bare.next().unwrap().msgid;
        wait.recv().unwrap();
        bare.say(Status::End, id, r#"{"d":[1]}"#);
        bare.until_ended();
    });
    let metrics = Metrics::new();
    let client = client(&script.address, &metrics, &[("connection_idle_ms", "20")]);
    let mut call = client.stream("m", NONE);
    assert!(tokio::time::timeout(Duration::from_millis(200), call.next()).await.is_err());
    go_on.send(()).unwrap();
    assert_eq!(call.collect().await.unwrap().len(), 1);
    script.finish().await;
}

#[tokio::test]
async fn an_old_connection_is_replaced_and_what_runs_on_it_goes_on() {
    let (go_on, wait) = mpsc::channel::<()>();
    let script = Script::start(vec![
        Box::new(move |mut bare: Bare| {
            let id = bare.next().unwrap().msgid;
            bare.say(Status::Data, id, r#"{"d":["old"]}"#);
            // The next connection is accepted by the thread that waits here otherwise.
            std::thread::spawn(move || {
                wait.recv().unwrap();
                bare.say(Status::End, id, r#"{"d":["still"]}"#);
                bare.until_ended();
            });
        }),
        Box::new(|mut bare: Bare| {
            answer(&mut bare);
            bare.until_ended();
        }),
    ]);
    let metrics = Metrics::new();
    let client = client(&script.address, &metrics, &[("connection_age_ms", "200")]);
    let mut stream = client.stream("stream", NONE);
    assert_eq!(stream.next().await.unwrap().unwrap().text(), r#""old""#);
    until("it is replaced", || count(&metrics, "fast_client_retired_connections_total", "age") == 1).await;
    assert_eq!(ready(&metrics), 1, "the call waits for nothing");
    client.call("m", NONE).await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(stream.collect().await.unwrap()[0].text(), r#""still""#);
    drop(client);
    script.finish().await;
}

/// Bindings keep where a call went for as long as the program keeps the call.
#[tokio::test]
async fn what_is_known_of_a_call_that_ended_keeps_no_connection() {
    let script = Script::once(|mut bare| {
        answer(&mut bare);
        bare.until_ended();
    });
    let (client, address) = (script.client().await, script.address.clone());
    let mut call = client.stream("m", NONE);
    while let Some(value) = call.next().await {
        value.unwrap();
    }
    let way = call.into_way();
    drop(client);
    script.finish().await;
    assert_eq!((way.endpoint(), way.attempts()), (address, 1));
}

/// Says over a connection how its server stands.
fn say(bare: &mut Bare, watch: u32, state: &str) {
    bare.say(Status::Data, watch, &format!(r#"{{"d":[{{"state":"{state}"}}]}}"#));
}

/// One of several servers behind one address. It says before each answer how it stands.
fn serve(mut bare: Bare, state: &Mutex<&str>) {
    let mut watch = None;
    while let Some(request) = bare.next() {
        let is_watch = request.method().as_deref() == Some("_fast.watch");
        if is_watch {
            watch = Some(request.msgid);
        }
        if let Some(watch) = watch {
            say(&mut bare, watch, *state.lock().unwrap());
        }
        if !is_watch {
            bare.say(Status::End, request.msgid, r#"{"d":[1]}"#);
        }
    }
}

/// There may be several servers behind one address, of which one stops.
#[tokio::test]
async fn an_endpoint_drains_when_each_connection_in_use_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (go_on, wait) = mpsc::channel::<()>();
    let state = Arc::new(Mutex::new("serving"));
    let of_others = state.clone();
    std::thread::spawn(move || {
        let mut first = Bare::over(listener.accept().unwrap().0);
        std::thread::spawn(move || {
            let stream = first.next().unwrap().msgid;
            first.say(Status::Data, stream, r#"{"d":["first"]}"#);
            let watch = first.next().unwrap().msgid;
            wait.recv().unwrap();
            say(&mut first, watch, "draining");
            first.say(Status::End, stream, r#"{"d":["last"]}"#);
            first.until_ended();
        });
        while let Ok((other, _)) = listener.accept() {
            let state = of_others.clone();
            std::thread::spawn(move || serve(Bare::over(other), &state));
        }
    });
    let metrics = Metrics::new();
    let client = client(&address, &metrics, &[("connection_age_ms", "200"), ("watch_servers", "true")]);
    let health = || {
        let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
        stats["endpoints"][0]["health"].as_str().unwrap().to_owned()
    };
    let mut stream = client.stream("stream", NONE);
    assert_eq!(stream.next().await.unwrap().unwrap().text(), r#""first""#);
    until("it is replaced", || count(&metrics, "fast_client_retired_connections_total", "age") > 0).await;
    for _ in 0..2 {
        client.call("m", NONE).await.unwrap();
    }
    go_on.send(()).unwrap();
    assert_eq!(stream.collect().await.unwrap()[0].text(), r#""last""#);
    assert_eq!(health(), "ready");
    client.call("m", NONE).await.unwrap();
    assert_eq!(health(), "ready");
    *state.lock().unwrap() = "draining";
    let all_drain = async {
        while health() != "draining" {
            client.call("m", NONE).await.unwrap();
        }
    };
    tokio::time::timeout(LONG, all_drain).await.expect("all have said it");
}

/// A listener that accepts and says nothing.
async fn silent() -> (String, Arc<AtomicU64>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, accepted) = (listener.local_addr().unwrap().to_string(), Arc::<AtomicU64>::default());
    let count = accepted.clone();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    (address, accepted)
}

#[tokio::test]
async fn busy_connections_get_company_up_to_a_bound() {
    for (most, wanted) in [("3", 3), ("1", 1)] {
        let ((address, accepted), metrics) = (silent().await, Metrics::new());
        let client = client(&address, &metrics, &[("connections_max", most)]);
        client.ready(LONG).await.unwrap();
        let mut calls = Vec::new();
        for connections in 1..=wanted {
            until("it is there", || ready(&metrics) == connections).await;
            // They fill up what is there; the last one finds no room.
            calls.extend((0..102).map(|_| client.stream("m", NONE)));
        }
        calls.extend((0..500).map(|_| client.stream("m", NONE)));
        tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!((ready(&metrics), accepted.load(Ordering::SeqCst)), (wanted, wanted as u64));
    }
}

/// A megabyte before a small call would keep it waiting.
#[tokio::test]
async fn a_connection_with_much_to_write_is_busy_too() {
    let ((address, _), metrics) = (silent().await, Metrics::new());
    let client = client(&address, &metrics, &[("connections_max", "2")]);
    client.ready(LONG).await.unwrap();
    let large = ["x".repeat(8 << 20)];
    let _calls: Vec<_> = (0..4).map(|_| client.stream("m", &large)).collect();
    until("there are two", || ready(&metrics) == 2).await;
}

/// A server that hangs up as soon as it has accepted, as one without room does.
#[tokio::test]
async fn a_server_is_not_overrun_with_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepted = Arc::<AtomicU64>::default();
    let count = accepted.clone();
    std::thread::spawn(move || {
        while listener.accept().is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let client = client(&address, &Metrics::new(), &[]);
    let began = Instant::now();
    loop {
        let error = client.call("m", NONE).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Connect), "{error}");
        if error.message().contains("`connects_per_second`") {
            break;
        }
    }
    for _ in 0..1000 {
        client.call("m", NONE).await.unwrap_err();
    }
    let most = 5 + 1 + began.elapsed().as_secs();
    let accepted = accepted.load(Ordering::SeqCst);
    assert!((5..=most).contains(&accepted), "{accepted} within {:?}", began.elapsed());
}
