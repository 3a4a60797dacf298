//! What the peers share: the runtime, and the load of a client.

#![forbid(unsafe_code)]

use libfast_bench::{Kind, Meter, Tally, Workload, payload};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Whatever a peer fails with.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// True if `RUNTIME` asks for the runtime of many threads; the default is that of the current one.
pub fn multi_thread() -> bool {
    std::env::var_os("RUNTIME").is_some_and(|runtime| runtime == "multi-thread")
}

/// The runtime that `RUNTIME` asks for.
pub fn runtime() -> std::io::Result<Runtime> {
    let mut builder =
        if multi_thread() { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build()
}

/// One call of a load.
#[derive(Clone)]
pub enum Call {
    /// This comes back.
    Echo(String),
    /// So many objects come.
    Stream(usize),
}

/// A client on one connection. Its clones share that.
pub trait Connection: Clone + 'static {
    /// Connects to the server of this port, on 127.0.0.1.
    fn open(port: u16) -> impl Future<Output = Result<Self>>;

    /// Makes one call, takes its whole answer, and fails unless it is complete.
    fn call(&mut self, call: Call) -> impl Future<Output = Result<()>>;
}

/// One call after the other, until the time is over.
#[derive(Clone)]
pub struct Calls {
    call: Call,
    meter: Meter,
    tally: Arc<Mutex<Tally>>,
}

impl Calls {
    /// Makes them.
    pub async fn run<C: Connection>(self, mut connection: C) -> Result<()> {
        loop {
            let began = Instant::now();
            connection.call(self.call.clone()).await?;
            let mut tally = self.tally.lock().map_err(|_| "a task panicked")?;
            if !self.meter.count(&mut tally, began, Instant::now()) {
                return Ok(());
            }
        }
    }
}

/// Makes the load; the line to print. `spawn` starts a task that runs the calls: on whatever thread, if they may move.
pub async fn load<C: Connection>(
    port: u16,
    workload: &'static Workload,
    duration: Duration,
    spawn: impl Fn(Calls, C) -> JoinHandle<Result<()>>,
) -> Result<String> {
    let call = match workload.kind {
        Kind::Echo(bytes) => Call::Echo(payload(bytes)),
        Kind::Stream(objects) => Call::Stream(objects),
    };
    let calls = Calls { call, meter: Meter::start(duration), tally: Arc::new(Mutex::new(Tally::default())) };
    let mut tasks = Vec::new();
    for _ in 0..workload.connections {
        let connection = C::open(port).await?;
        for _ in 0..workload.in_flight {
            tasks.push(spawn(calls.clone(), connection.clone()));
        }
    }
    for task in tasks {
        task.await??;
    }
    let tally = calls.tally.lock().map_err(|_| "a task panicked")?;
    Ok(calls.meter.report(&tally, workload))
}
