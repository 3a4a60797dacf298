//! The scenario runner for Rust. See README.md beside this file.

use bytes::Bytes;
use libfast::{Buffered, Call, Cause, Client, ClientOptions, Error, Value};
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
        let mut answer = run(&scenario, &mut clients).await;
        answer["ms"] = json!(started.elapsed().as_millis() as u64);
        println!("{answer}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

async fn run(scenario: &Json, clients: &mut HashMap<String, Client>) -> Json {
    if let Some(keys) = scenario["keys"].as_u64() {
        return run_keys(keys, scenario, clients)
            .await
            .unwrap_or_else(|error| json!({"values": [], "error": described(&error)}));
    }
    let call = match start(scenario, clients) {
        Ok(call) => call,
        Err(error) => return json!({"values": [], "error": described(&error)}),
    };
    // Most calls keep all values; those before an error are given only to who asked for them.
    let most = scenario["max_values"].as_u64();
    let Buffered { values, count, error, .. } =
        call.buffer(most.map_or(usize::MAX, |most| most as usize)).await;
    let all = error.is_none() || scenario["stream"] == true || most.is_some();
    let parsed = |value: Value| value.parse::<Json>().expect("values are JSON");
    let values: Vec<Json> = values.into_iter().filter(|_| all).map(parsed).collect();
    json!({"values": values, "count": most.map(|_| count), "error": error.as_ref().map(described)})
}

async fn run_keys(
    keys: u64,
    scenario: &Json,
    clients: &mut HashMap<String, Client>,
) -> libfast::Result<Json> {
    let client = client_for(scenario, clients)?;
    let method = scenario["method"].as_str().unwrap_or_default();
    let mut values = Vec::new();
    for i in 0..keys {
        let answer = client.call(method, &scenario["args"]).affinity(&format!("key-{i}")).await?;
        values.push(answer.first().map(|value| value.parse::<Json>().expect("values are JSON")));
    }
    Ok(json!({"values": values, "error": null}))
}

fn client_for(scenario: &Json, clients: &mut HashMap<String, Client>) -> libfast::Result<Client> {
    let target = scenario["target"].as_str().unwrap_or_default();
    Ok(match scenario["client_options"].as_object() {
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
    })
}

fn start(scenario: &Json, clients: &mut HashMap<String, Client>) -> libfast::Result<Call> {
    let client = client_for(scenario, clients)?;
    let mut options = client.call_options();
    for (name, value) in scenario["options"].as_object().into_iter().flatten() {
        match name.as_str() {
            "timeout_ms" => options.timeout = value.as_u64().map(Duration::from_millis),
            "idempotent" => options.idempotent = value == true,
            "retries" => options.retries = value.as_u64().unwrap_or_default() as u32,
            "ignore_null_values" => options.ignore_null_values = value == true,
            other => panic!("the runner knows no option {other}"),
        }
    }
    let args = Bytes::from(scenario["args"].to_string());
    Ok(client.start(scenario["method"].as_str().unwrap_or_default(), args, options))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// JSON text, or null if it is empty.
fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_default()
}

fn described(error: &Error) -> Json {
    let remote = error.remote().cloned().unwrap_or_default();
    json!({
        "code": error.kind().name(), "message": error.message(), "endpoint": error.endpoint(),
        "retriable": error.is_retriable(), "name": remote.name, "info": parsed(&remote.info),
        "remote_message": remote.message, "context": parsed(&remote.context),
        "ase_errors": parsed(&remote.ase_errors),
        "cause_name": error.cause().map_or("", Cause::name), "merged_info": parsed(error.merged_info()),
    })
}
