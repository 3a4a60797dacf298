//! What the peers share: the runtime, and the load of a client.

#![forbid(unsafe_code)]

use libfast_bench::{Kind, Meter, Tally, Workload, payload};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

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
pub trait Connection: Clone + Send + 'static {
    /// Connects to the server of this port, on 127.0.0.1.
    fn open(port: u16) -> impl Future<Output = Result<Self>> + Send;

    /// Makes one call, takes its whole answer, and fails unless it is complete.
    fn call(&mut self, call: Call) -> impl Future<Output = Result<()>> + Send;
}

/// Makes the load; the line to print. The tasks are spawned, so that a runtime of many threads may spread them.
pub async fn load<C: Connection>(
    port: u16,
    workload: &'static Workload,
    duration: Duration,
) -> Result<String> {
    let (meter, tally) = (Meter::start(duration), Arc::new(Mutex::new(Tally::default())));
    let call = match workload.kind {
        Kind::Echo(bytes) => Call::Echo(payload(bytes)),
        Kind::Stream(objects) => Call::Stream(objects),
    };
    let mut tasks = Vec::new();
    for _ in 0..workload.connections {
        let connection = C::open(port).await?;
        for _ in 0..workload.in_flight {
            tasks.push(tokio::spawn(calls(connection.clone(), call.clone(), meter, tally.clone())));
        }
    }
    for task in tasks {
        task.await??;
    }
    let tally = tally.lock().map_err(|_| "a task panicked")?;
    Ok(meter.report(&tally, workload))
}

async fn calls<C: Connection>(
    mut connection: C,
    call: Call,
    meter: Meter,
    tally: Arc<Mutex<Tally>>,
) -> Result<()> {
    loop {
        let began = Instant::now();
        connection.call(call.clone()).await?;
        let mut tally = tally.lock().map_err(|_| "a task panicked")?;
        if !meter.count(&mut tally, began, Instant::now()) {
            return Ok(());
        }
    }
}
