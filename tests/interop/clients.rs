//! The three clients, driven alike: a case in, what came of it out.

use super::answer::{Answer, Failure, Outcome};
use super::cases::{Call, Case, Task};
use super::process::{Process, node, rust_fast};
use libfast::{Cause, Client, ClientOptions, ErrorKind};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    Libfast,
    NodeFast,
    RustFast,
}

pub struct Clients {
    node: Process,
    rust: Process,
    runtime: tokio::runtime::Runtime,
}

impl Clients {
    pub fn start() -> Self {
        // On one thread, so that the calls are seen to end in the order in which they do.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            node: Process::start(&mut node("client.js")),
            rust: Process::start(&mut rust_fast("client")),
            runtime: runtime.expect("a runtime"),
        }
    }

    /// Runs a case. The error is what the peer's client has no means for.
    pub fn run(&mut self, client: ClientKind, task: &Task) -> Result<Outcome, String> {
        match client {
            ClientKind::Libfast => {
                let mut options = ClientOptions::default();
                options.wire_version = task.version.into();
                Ok(self.runtime.block_on(run_libfast(task, options)))
            }
            ClientKind::NodeFast => ask(&mut self.node, task),
            ClientKind::RustFast => ask(&mut self.rust, task),
        }
    }
}

/// Gives a case to a process that prints what came of it.
pub fn ask(process: &mut Process, task: &Task) -> Result<Outcome, String> {
    writeln!(process.input, "{}", task.to_json()).expect("the client reads its cases");
    let line = process.line();
    let unsupported: Option<Json> =
        serde_json::from_str(&line).ok().filter(|json: &Json| json["unsupported"].is_string());
    match unsupported {
        Some(json) => Err(json["unsupported"].as_str().expect("a text").to_owned()),
        None => Ok(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:.500}"))),
    }
}

/// Runs a case with the library itself.
pub async fn run_libfast(task: &Task, mut options: ClientOptions) -> Outcome {
    options.timeout_ms = super::frames::LONG.as_millis() as u64;
    let client = Client::with_options(&task.address, options).expect("an address is a target");
    // Otherwise a call that is dropped at once would never leave.
    client.ready(super::frames::LONG).await.expect("the server listens");
    let order = Rc::<RefCell<Vec<usize>>>::default();
    let mut answers = Vec::new();
    let tasks = tokio::task::LocalSet::new();
    for calls in [&task.calls, &task.then] {
        let first = answers.len();
        let started: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(i, call)| {
                let (order, answer) = (order.clone(), one(&client, call));
                tasks.spawn_local(async move {
                    let answer = answer.await;
                    order.borrow_mut().push(first + i);
                    answer
                })
            })
            .collect();
        for answer in started {
            answers.push(tasks.run_until(answer).await.expect("no panic"));
        }
    }
    client.close(Duration::ZERO).await;
    Outcome { answers, order: order.take() }
}

/// Starts a call now; the future gives its answer.
fn one(client: &Client, call: &Call) -> impl Future<Output = Answer> + use<> {
    let mut options = client.call_options();
    options.ignore_null_values = call.ignore_null;
    if let Some(ms) = call.timeout {
        options.timeout = Some(Duration::from_millis(ms));
    }
    let mut running = Some(client.start(&call.method, call.args.clone().into(), options));
    if call.abandon {
        running = None;
    }
    async move {
        let mut values = Vec::new();
        let Some(mut running) = running else {
            return Answer { values, error: Some(failure("abandoned", "", "", json!({}))) };
        };
        while let Some(value) = running.next().await {
            match value {
                Ok(value) => {
                    values.push(RawValue::from_string(value.text().to_owned()).expect("values are JSON"))
                }
                Err(error) => return Answer { values, error: Some(describe(&error)) },
            }
        }
        Answer { values, error: None }
    }
}

fn describe(error: &libfast::Error) -> Failure {
    let parse = |text: &str| serde_json::from_str(text).unwrap_or(Json::Null);
    if let Some(remote) = error.remote() {
        let context = parse(&remote.context);
        return Failure { context, ..failure("remote", &remote.name, &remote.message, parse(&remote.info)) };
    }
    let kind = match (error.kind(), error.cause()) {
        (ErrorKind::ConnectionLost, _) => "lost",
        (_, Some(Cause::Timeout)) => "timeout",
        (_, Some(Cause::Protocol)) => "protocol",
        _ => "other",
    };
    failure(kind, error.kind().name(), error.message(), parse(error.merged_info()))
}

fn failure(kind: &str, name: &str, message: &str, info: Json) -> Failure {
    Failure { kind: kind.into(), name: name.into(), message: message.into(), info, context: Json::Null }
}

impl ClientKind {
    /// A client of libfast ends a connection only as a whole.
    pub fn can(self, case: &Case) -> bool {
        self != Self::Libfast || !case.half_close
    }
}

impl fmt::Display for ClientKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Libfast => "libfast",
            Self::NodeFast => "node-fast",
            Self::RustFast => "rust-fast",
        })
    }
}
