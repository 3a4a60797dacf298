//! The client of the calc example: `calc_client TARGET [--paced]`. See examples/README.md.
//!
//! With `--paced` it waits a millisecond between calls and prints, as lines of JSON, how far it is and when it first hears from
//! each server, so that the demo can kill and start servers meanwhile; its last line then also says when each endpoint was last
//! picked.

use libfast::{Client, ClientOptions, Error, Policy, RemoteError, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CALLS: i64 = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "calc".into());
    let paced = std::env::args().any(|arg| arg == "--paced");
    let mut options = ClientOptions::default();
    options.policy = Policy::RoundRobin;
    options.idempotent = true;
    let client = Client::with_options(&target, options)?;

    let (mut servers, mut times, mut failed) = (BTreeMap::<String, u64>::new(), Vec::new(), 0);
    let mut picks = BTreeMap::<String, (u64, u64)>::new();
    for i in 0..CALLS {
        let started = Instant::now();
        let answer = client.call("add", (i, 1)).await;
        times.push(started.elapsed().as_micros() as u64);
        match answer.and_then(|values| sum_of(&values, i + 1)) {
            Ok(server) => {
                let calls = servers.entry(server.clone()).or_default();
                *calls += 1;
                if paced && *calls == 1 {
                    println!("{}", json!({"first": server, "at_ms": now_ms()}));
                }
            }
            Err(error) => {
                eprintln!("call {i}: {error}");
                failed += 1;
            }
        }
        if paced {
            note_picks(&client, &mut picks);
            println!("{}", json!({"done": i + 1}));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    let mut values = 0;
    let mut stream = client.stream("range", (CALLS,));
    while let Some(value) = stream.next().await {
        let wrong = value?.parse::<Json>()? != json!({"value": values});
        failed += i64::from(wrong);
        values += 1;
    }
    let error = client.call("fail", [0; 0]).await.err();
    let timeout = client.call("slow", (10_000,)).timeout(Duration::from_millis(100)).await.err();

    times.sort_unstable();
    let last_pick_ms: BTreeMap<_, _> = picks.into_iter().map(|(address, (_, at))| (address, at)).collect();
    println!(
        "{}",
        json!({
            "language": "rust", "ok": servers.values().sum::<u64>(), "failed": failed, "values": values,
            "servers": servers, "p50_us": times[times.len() / 2], "p99_us": times[times.len() * 99 / 100],
            "error": error.map(|e| format!("{} {}", e.kind().name(), e.remote().map_or("", |r| &r.name))),
            "timeout": timeout.map(|e| e.kind().name()), "last_pick_ms": last_pick_ms,
        })
    );
    Ok(())
}

/// The server that answered, if its sum is right.
fn sum_of(values: &[Value], wanted: i64) -> Result<String, Error> {
    let answer: Json = values.first().map_or(Ok(Json::Null), Value::parse)?;
    match answer["server"].as_str() {
        Some(server) if answer["sum"] == wanted && values.len() == 1 => Ok(server.to_owned()),
        _ => Err(RemoteError::new("Wrong", answer.to_string()).into()),
    }
}

/// Keeps, for each endpoint, its number of picks and when that last grew.
fn note_picks(client: &Client, picks: &mut BTreeMap<String, (u64, u64)>) {
    let stats: Json = serde_json::from_str(&client.stats()).unwrap_or_default();
    for endpoint in stats["endpoints"].as_array().into_iter().flatten() {
        let seen = picks.entry(endpoint["address"].as_str().unwrap_or_default().to_owned()).or_default();
        let count = endpoint["picks"].as_u64().unwrap_or_default();
        if count > seen.0 {
            *seen = (count, now_ms());
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
