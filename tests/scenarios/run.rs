//! The scenario runner for Rust. See README.md beside this file.

use bytes::Bytes;
use libfast::{Call, Client, ClientOptions, Error};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() {
    let mut clients = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let scenario: Json = serde_json::from_str(&line.expect("a line of text")).expect("a line of JSON");
        let started = Instant::now();
        let (values, error) = run(&scenario, &mut clients).await;
        let ms = started.elapsed().as_millis() as u64;
        println!("{}", json!({"values": values, "error": error.as_ref().map(described), "ms": ms}));
        std::io::stdout().flush().expect("somebody reads");
    }
}

async fn run(scenario: &Json, clients: &mut HashMap<String, Client>) -> (Vec<Json>, Option<Error>) {
    let mut values = Vec::new();
    let stream = scenario["stream"] == true;
    let result = async {
        let mut call = start(scenario, clients)?;
        while let Some(value) = call.next().await {
            values.push(value?.parse()?);
        }
        Ok(())
    };
    let error: Option<Error> = result.await.err();
    if error.is_some() && !stream {
        values.clear();
    }
    (values, error)
}

fn start(scenario: &Json, clients: &mut HashMap<String, Client>) -> libfast::Result<Call> {
    let target = scenario["target"].as_str().unwrap_or_default();
    let client = match scenario["client_options"].as_object() {
        Some(wanted) => {
            let mut options = ClientOptions::default();
            for (name, value) in wanted {
                options.set(name, &text(value))?;
            }
            Client::with_options(target, options)?
        }
        None => match clients.get(target) {
            Some(client) => client.clone(),
            None => clients.entry(target.to_owned()).or_insert(Client::new(target)?).clone(),
        },
    };
    let mut options = client.call_options();
    for (name, value) in scenario["options"].as_object().into_iter().flatten() {
        match name.as_str() {
            "timeout_ms" => options.timeout = value.as_u64().map(Duration::from_millis),
            "idempotent" => options.idempotent = value == true,
            "retries" => options.retries = value.as_u64().unwrap_or_default() as u32,
            other => panic!("the runner knows no option {other}"),
        }
    }
    let args = Bytes::from(scenario["args"].to_string());
    Ok(client.start(scenario["method"].as_str().unwrap_or_default(), args, options))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn described(error: &Error) -> Json {
    let remote = error.remote();
    json!({
        "code": error.kind().name(), "message": error.message(), "endpoint": error.endpoint(),
        "retriable": error.is_retriable(), "name": remote.map_or("", |r| &r.name),
        "info": remote.and_then(|r| serde_json::from_str::<Json>(&r.info).ok()),
    })
}
