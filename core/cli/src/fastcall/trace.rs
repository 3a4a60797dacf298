//! The way of a call, phase by phase, on standard error.

use super::question::Question;
use crate::output::{printable, say};
use libfast::{Address, CallEvent, Client, Error};
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Tells what happens as it happens. `*` is on this side, `>` is sent, `<` is received.
#[derive(Debug)]
pub struct Trace {
    client: Client,
    target: String,
    method: String,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the last phase ended.
    last: Instant,
    resolved: bool,
    /// The request, once it is sent.
    id: u32,
    values: u64,
    bytes: usize,
}

/// What a client knows about an endpoint; part of its statistics.
#[derive(Debug, Deserialize)]
struct Endpoint {
    address: String,
    in_flight: u32,
    latency_us: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Statistics {
    policy: String,
    endpoints: Vec<Endpoint>,
}

impl Trace {
    /// Begins now.
    pub fn new(client: &Client, question: &Question) -> Self {
        let started = Instant::now();
        let state = State { last: started, resolved: false, id: 0, values: 0, bytes: 0 };
        let (target, method) = (question.target.clone(), question.method.clone());
        Self { client: client.clone(), target, method, started, state: Mutex::new(state) }
    }

    /// What an observer of the call hears.
    pub fn event(&self, event: &CallEvent<'_>) {
        let mut state = self.lock();
        let took = shown(std::mem::replace(&mut state.last, Instant::now()).elapsed());
        match event {
            CallEvent::Picked { endpoint } => {
                let Ok(known) = serde_json::from_str::<Statistics>(&self.client.stats()) else { return };
                if !std::mem::replace(&mut state.resolved, true) {
                    let endpoints = counted(known.endpoints.len() as u64, "endpoint");
                    line('*', "resolve", &format!("{}  {endpoints}  {took}", self.target));
                }
                line('*', "pick", &choice(endpoint, &known));
            }
            CallEvent::Connected { endpoint, reused } => {
                let how = if *reused { "reused" } else { "new connection" };
                line('*', "connect", &format!("{endpoint}  {how}  {took}"));
            }
            CallEvent::Sent { id, bytes, .. } => {
                state.id = *id;
                let version = self.client.options().wire_version;
                line('>', "DATA", &format!("msgid={id} v{version} {bytes}B {}", self.method));
            }
            // What the server answers is told at the end.
            CallEvent::Failed { error } if error.remote().is_none() => {
                line('*', "failed", &format!("{error}  {took}"));
            }
            _ => {}
        }
    }

    /// A value of that many bytes has come.
    pub fn value(&self, bytes: usize) {
        let mut state = self.lock();
        state.values += 1;
        state.bytes += bytes;
        if state.values == 1 {
            let took = shown(self.started.elapsed());
            line('<', "DATA", &format!("msgid={} {bytes}B  first value {took}", state.id));
        }
    }

    /// The call is over.
    pub fn end(&self, error: Option<&Error>) {
        let state = self.lock();
        let (values, total) = (counted(state.values, "value"), shown(self.started.elapsed()));
        match error.map(|error| (error, error.remote())) {
            None => line('<', "END", &format!("{values} {}B  total {total}", state.bytes)),
            Some((_, Some(remote))) => {
                line('<', "ERROR", &format!("{} after {values}  total {total}", remote.name))
            }
            Some((error, None)) => {
                line('*', "end", &format!("{} after {values}  total {total}", error.kind().name()))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The endpoint that was chosen, and some of those that were not.
fn choice(chosen: &Address, known: &Statistics) -> String {
    let (mut text, mut others) = (format!("{}  {chosen}", known.policy), Vec::new());
    let chosen = chosen.to_string();
    for Endpoint { address, in_flight, latency_us } in &known.endpoints {
        let load = match latency_us {
            Some(us) => format!("ewma {:.1}ms, {in_flight} in flight", us / 1e3),
            None => "no call yet".into(),
        };
        match *address == chosen {
            true => text.push_str(&format!(" ({load})")),
            false => others.push(format!("{address} ({load})")),
        }
    }
    if !others.is_empty() {
        let more = others.len().saturating_sub(MOST_OTHERS);
        others.truncate(MOST_OTHERS);
        text.push_str(&format!(" over {}", others.join(", ")));
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
    }
    text
}

/// Endpoints that are named though they were not chosen.
const MOST_OTHERS: usize = 3;

fn line(side: char, phase: &str, text: &str) {
    say(&format!("{side} {phase:<8} {}", printable(text)));
}

fn counted(count: u64, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

fn shown(took: Duration) -> String {
    format!("{:.1}ms", took.as_secs_f64() * 1e3)
}
