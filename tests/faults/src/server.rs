//! The server of a row: methods that take as long and fail as the row says, also while it runs.

use bytes::Bytes;
use libfast::{Error, ErrorKind, RemoteError, Request, Server, ServerOptions};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};

/// `faults server`: prints `listening ADDRESS`, and serves until SIGTERM, on which it drains, or the end of its input.
/// Lines of its input change it: `service-us N`, `fail no|error|refuse`.
#[derive(clap::Args)]
pub struct ServerArgs {
    /// How long a request of `work` takes.
    #[arg(long, default_value_t = 5_000)]
    service_us: u64,
    /// How many requests of `work` run at a time; the others wait. 0 is no limit.
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Where the ids of the requests that ran are written, 8 bytes each.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Options of the server, as in `drain_ms=1000`.
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
}

/// What the handlers go by.
struct State {
    service_us: AtomicU64,
    /// 0 none, 1 error, 2 refused.
    fail: AtomicU64,
    workers: Option<Semaphore>,
    journal: Option<Mutex<File>>,
}

/// Runs it to its end.
pub fn run(args: ServerArgs) -> Result<(), String> {
    crate::process::die_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(serve(args)).map_err(|error| error.to_string())
}

async fn serve(args: ServerArgs) -> libfast::Result<()> {
    let mut options = ServerOptions::default();
    for option in &args.options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        options.set(name, value)?;
    }
    let io = |error: std::io::Error| Error::new(ErrorKind::Invalid, format!("journal: {error}"));
    let journal = args.journal.map(|path| File::options().append(true).create(true).open(path));
    let state = Arc::new(State {
        service_us: args.service_us.into(),
        fail: 0.into(),
        workers: (args.workers > 0).then(|| Semaphore::new(args.workers)),
        journal: journal.transpose().map_err(io)?.map(Mutex::new),
    });
    let drain = Duration::from_millis(options.drain_ms);
    let server = Server::new(options)?;
    let of_work = state.clone();
    server.method("work", move |request| work(of_work.clone(), request))?;
    server.method("ticks", ticks)?;
    server.method("flood", flood)?;
    server.method("echo", |request: Request| async move {
        request.send_text(request.args_text()).await?;
        Ok(())
    })?;
    server.method("forever", |_| std::future::pending::<libfast::Result<()>>())?;
    server.method("length", |request: Request| async move { Ok(request.args_text().len()) })?;
    let mut terminated = signal(SignalKind::terminate()).map_err(io)?;
    println!("listening {}", server.start().await?);
    let mut lines = input_lines();
    loop {
        tokio::select! {
            _ = terminated.recv() => break server.stop(drain).await,
            line = lines.recv() => match line {
                Some(line) => state.change(&line),
                None => break,
            }
        }
    }
    Ok(())
}

impl State {
    fn change(&self, line: &str) {
        match line.split_once(' ') {
            Some(("service-us", number)) => self.service_us.store(number.parse().unwrap_or(0), Relaxed),
            Some(("fail", "error")) => self.fail.store(1, Relaxed),
            Some(("fail", "refuse")) => self.fail.store(2, Relaxed),
            Some(("fail", _)) => self.fail.store(0, Relaxed),
            _ => eprintln!("faults server: {line:?} is no command"),
        }
    }
}

/// Answers with its first argument, an id.
async fn work(state: Arc<State>, request: Request) -> libfast::Result<u64> {
    match state.fail.load(Relaxed) {
        1 => return Err(RemoteError::new("Broken", "this server fails").into()),
        2 => return Err(RemoteError::new("FastOverloaded", "this server refuses").into()),
        _ => {}
    }
    let (id,): (u64,) = request.args()?;
    let _turn = match &state.workers {
        Some(workers) => workers.acquire().await.ok(),
        None => None,
    };
    if let Some(journal) = &state.journal {
        // Unbuffered: what a process wrote before it was killed is there.
        let _ = journal.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).write_all(&id.to_le_bytes());
    }
    tokio::time::sleep(Duration::from_micros(state.service_us.load(Relaxed))).await;
    Ok(id)
}

/// A value every 20 ms, without an end.
async fn ticks(request: Request) -> libfast::Result<()> {
    for tick in 0_u64.. {
        request.send(&tick).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Values of 64 KiB, as fast as they are taken, without an end.
async fn flood(request: Request) -> libfast::Result<()> {
    let value = Bytes::from(format!("\"{}\"", "x".repeat(64 << 10)));
    loop {
        request.send_text(&value).await?;
    }
}

/// The lines of the standard input, of a thread that blocks on it.
pub fn input_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
