//! What the programs in Rust share: the two commands, and the tasks of a load.

use crate::{Meter, Order, Tally, Workload};
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet};

/// Whatever a program fails with.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A server and a client, on one thread each.
pub trait Program {
    /// Its name in errors.
    const NAME: &'static str;
    /// A connection of the client.
    type Link: 'static;

    /// Listens on a free port of `host`, says so with [`serve_until_input_ends`], and serves until then.
    fn serve(host: &str) -> impl Future<Output = Result<()>>;

    /// Opens one of the connections of a load.
    fn open(port: u16, workload: &'static Workload) -> impl Future<Output = Result<Self::Link>>;

    /// Makes the calls of one connection, until [`Load::count`] says that it is enough.
    fn work(link: Self::Link, load: Load) -> impl Future<Output = Result<()>> + 'static;
}

/// Does what the command line says.
pub fn run<P: Program>() -> ExitCode {
    let done = || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match Order::read()? {
            Order::Server => {
                let host = std::env::args().nth(2);
                runtime.block_on(P::serve(host.as_deref().unwrap_or("127.0.0.1")))
            }
            Order::Client { port, workload, duration } => {
                let local = LocalSet::new();
                let report = runtime.block_on(local.run_until(client::<P>(port, workload, duration)))?;
                println!("{report}");
                // What a million calls left behind would take seconds to be freed, which nobody waits for.
                std::process::exit(0)
            }
        }
    };
    match done() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", P::NAME);
            ExitCode::FAILURE
        }
    }
}

/// Makes the load; the line to print. One task that fails is the failure of all: what the others measured is another load.
async fn client<P: Program>(port: u16, workload: &'static Workload, duration: Duration) -> Result<String> {
    let mut links = Vec::new();
    for _ in 0..workload.connections {
        links.push(P::open(port, workload).await?);
    }
    let load = Load { workload, meter: Meter::start(duration), tally: Rc::default() };
    let mut tasks = JoinSet::new();
    for link in links {
        tasks.spawn_local(P::work(link, load.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let report = load.meter.report(&load.tally.borrow(), workload);
    Ok(report)
}

/// What the tasks of a client share.
#[derive(Clone)]
pub struct Load {
    /// Which load it is.
    pub workload: &'static Workload,
    meter: Meter,
    tally: Rc<RefCell<Tally>>,
}

impl Load {
    /// Counts one call; false once the time is over.
    pub fn count(&self, began: Instant, now: Instant) -> bool {
        self.meter.count(&mut self.tally.borrow_mut(), began, now)
    }
}

/// Serves each connection with a task, as [`Program::serve`] must.
pub async fn serve_each<F: Future<Output = std::io::Result<()>> + Send + 'static>(
    host: &str,
    connection: impl Fn(TcpStream) -> F,
) -> Result<()> {
    let listener = TcpListener::bind((host, 0)).await?;
    let port = listener.local_addr()?.port();
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
    };
    tokio::select! {
        failed = accept => failed,
        () = serve_until_input_ends(port) => Ok(()),
    }
}

/// Connects to a server of [`serve_each`].
pub async fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// As the function of that name, without holding up other tasks.
pub async fn serve_until_input_ends(port: u16) {
    let _ = tokio::task::spawn_blocking(move || crate::serve_until_input_ends(port)).await;
}
