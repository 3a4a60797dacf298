//! The client of a row: calls at a rate that does not wait for slow answers, and streams, each of them in a ledger.

use crate::clock::now_us;
use crate::ledger::{Entry, Kind, Ledger};
use crate::server::input_lines;
use bytes::Bytes;
use libfast::{Call, CallEvent, CallObserver, Client, ClientOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// `faults load`: prints `running` when there is a connection, and makes its load until its input ends. A line `rate N`
/// of its input changes the rate; `knows ADDRESS` asks whether that is one of its endpoints, `gave-up ADDRESS` whether it was not
/// one at some time after it first was, or never was. When the input ends it waits for the calls under way, writes the ledger, and
/// prints `paused MICROSECONDS UNTIL`.
#[derive(clap::Args)]
pub struct LoadArgs {
    /// Whom to call.
    target: String,
    /// Where the ledger is written.
    ledger: PathBuf,
    /// Calls per second.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// How many of a hundred calls are idempotent.
    #[arg(long, default_value_t = 80)]
    idempotent: u64,
    /// Streams that are open all the time.
    #[arg(long, default_value_t = 0)]
    streams: u64,
    /// Longest that a call may take; 0 is no limit.
    #[arg(long, default_value_t = 1_000)]
    deadline_ms: u64,
    /// Options of the client, as in `policy=round_robin`.
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
}

/// How long after the end a call without an answer counts as lost, beyond its deadline.
const GRACE: Duration = Duration::from_millis(1_500);

struct Load {
    client: Client,
    deadline: Option<Duration>,
    next_id: AtomicU64,
    /// Those that have not ended yet, too.
    entries: Mutex<Vec<Shared>>,
    /// The endpoints that it ever had, and whether it gave them up.
    endpoints: Mutex<BTreeMap<String, bool>>,
}

/// An entry that its call still writes to.
type Shared = Arc<Mutex<Entry>>;

/// Runs it to its end.
pub fn run(args: LoadArgs) -> Result<(), String> {
    crate::process::die_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(make(args))
}

async fn make(args: LoadArgs) -> Result<(), String> {
    let mut options = ClientOptions::default();
    for option in &args.options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        options.set(name, value).map_err(|error| error.to_string())?;
    }
    let client = Client::with_options(&args.target, options).map_err(|error| error.to_string())?;
    client.ready(Duration::from_secs(10)).await.map_err(|error| error.to_string())?;
    let deadline = (args.deadline_ms > 0).then(|| Duration::from_millis(args.deadline_ms));
    // Those of another load of the same row must not look the same in the journals.
    let first_id = u64::from(std::process::id()) << 32;
    let load = Arc::new(Load {
        client,
        deadline,
        next_id: first_id.into(),
        entries: Mutex::default(),
        endpoints: Mutex::default(),
    });
    let streams: Vec<_> = (0..args.streams).map(|_| tokio::spawn(load.clone().keep_stream())).collect();
    let paused = watch_machine();
    tokio::spawn(load.clone().watch_endpoints());
    println!("running");
    load.clone().open_loop(args.rate, args.idempotent).await;
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    let limit = Instant::now() + deadline.unwrap_or(Duration::from_secs(10)) + GRACE;
    while load.is_waiting() && Instant::now() < limit {
        sleep(Duration::from_millis(10)).await;
    }
    let mut entries: Vec<_> = lock(&load.entries).iter().map(|entry| lock(entry).clone()).collect();
    entries.sort_by_key(|entry| entry.due_us);
    Ledger { entries, ..Ledger::default() }.write(&args.ledger).map_err(|error| error.to_string())?;
    let (longest, until) = *lock(&paused);
    println!("paused {longest} {until}");
    Ok(())
}

/// Microseconds that the machine keeps a thread waiting at most which does nothing but look at the clock, and when that ended.
fn watch_machine() -> Arc<Mutex<(u64, u64)>> {
    let longest = Arc::new(Mutex::new((0, 0)));
    let seen = longest.clone();
    std::thread::spawn(move || {
        loop {
            let before = now_us();
            std::thread::sleep(Duration::from_millis(5));
            let now = now_us();
            let mut longest = lock(&seen);
            *longest = longest.max(((now - before).saturating_sub(5_000), now));
        }
    });
    longest
}

impl Load {
    async fn open_loop(self: Arc<Self>, mut rate: f64, idempotent: u64) {
        let mut lines = input_lines();
        let mut due = Instant::now();
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => match line.split_once(' ') {
                        Some(("rate", number)) => {
                            rate = number.parse().unwrap_or(rate);
                            due = Instant::now();
                        }
                        Some(("knows", address)) => println!("knows {}", self.look().contains(address)),
                        Some(("gave-up", address)) => {
                            self.look();
                            println!("gave-up {}", lock(&self.endpoints).get(address).is_none_or(|gone| *gone));
                        }
                        _ => eprintln!("faults load: {line:?} is no command"),
                    },
                    None => return,
                },
                () = sleep_until(due) => while due <= Instant::now() {
                    let due_us = now_us() - due.elapsed().as_micros() as u64;
                    tokio::spawn(self.clone().call(idempotent, due_us));
                    due += Duration::from_secs_f64(1.0 / rate);
                },
            }
        }
    }

    async fn watch_endpoints(self: Arc<Self>) {
        loop {
            self.look();
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The endpoints that it has. Notes who came and who went.
    fn look(&self) -> BTreeSet<String> {
        let stats: serde_json::Value = serde_json::from_str(&self.client.stats()).unwrap_or_default();
        let endpoints = stats["endpoints"].as_array().into_iter().flatten();
        let known: BTreeSet<_> =
            endpoints.filter_map(|endpoint| Some(endpoint["address"].as_str()?.to_owned())).collect();
        let mut seen = lock(&self.endpoints);
        seen.iter_mut().for_each(|(address, gone)| *gone |= !known.contains(address));
        for address in &known {
            seen.entry(address.clone()).or_insert(false);
        }
        known
    }

    async fn call(self: Arc<Self>, idempotent: u64, due_us: u64) {
        let id = self.next_id.fetch_add(1, Relaxed);
        let kind = if id % 100 < idempotent { Kind::Idempotent } else { Kind::Once };
        let (call, entry) = self.begin("work", id, kind, due_us);
        let error = match call.collect().await {
            Ok(values) if values.len() == 1 && values[0].parse().is_ok_and(|answer: u64| answer == id) => {
                None
            }
            Ok(values) => Some(format!("Wrong: {} values", values.len())),
            Err(error) => Some(text(&error)),
        };
        end(&entry, error);
    }

    async fn keep_stream(self: Arc<Self>) {
        loop {
            let id = self.next_id.fetch_add(1, Relaxed);
            let (mut call, entry) = self.begin("ticks", id, Kind::Stream, now_us());
            let error = loop {
                match call.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break text(&error),
                    None => break "Ended".into(),
                }
            };
            end(&entry, Some(error));
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn begin(&self, method: &str, id: u64, kind: Kind, due_us: u64) -> (Call, Shared) {
        let entry =
            Entry { id, kind, due_us, start_us: now_us(), end_us: None, error: None, picks: Vec::new() };
        let entry = Arc::new(Mutex::new(entry));
        lock(&self.entries).push(entry.clone());
        let seen = entry.clone();
        let mut options = self.client.call_options();
        options.idempotent = kind == Kind::Idempotent;
        options.timeout = self.deadline.filter(|_| kind != Kind::Stream);
        options.observer = Some(CallObserver::new(move |event| {
            if let CallEvent::Picked { endpoint } = event {
                lock(&seen).picks.push((now_us(), endpoint.to_string()));
            }
        }));
        (self.client.start(method, Bytes::from(format!("[{id}]")), options), entry)
    }

    fn is_waiting(&self) -> bool {
        let is_open = |entry: &Entry| entry.kind != Kind::Stream && entry.end_us.is_none();
        lock(&self.entries).iter().any(|entry| is_open(&lock(entry)))
    }
}

fn end(entry: &Shared, error: Option<String>) {
    let mut entry = lock(entry);
    (entry.end_us, entry.error) = (Some(now_us()), error);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is written about an error.
fn text(error: &libfast::Error) -> String {
    format!("{:?} {:?}: {error}", error.kind(), error.progress())
}
