//! A server that does what a test tells it, and the client that calls it.

use super::{Bare, LONG};
use libfast_model::{ClientOptions, Error};
use libfast_protocol::Frame;
use libfast_rpc::{Call, Client};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// A server that accepts one connection after the other and runs a script on each.
pub struct Script {
    pub address: String,
    thread: JoinHandle<()>,
}

impl Script {
    /// One script for each connection that is expected.
    pub fn start(scripts: Vec<Box<dyn FnOnce(Bare) + Send>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            for script in scripts {
                script(Bare::over(listener.accept().unwrap().0));
            }
        });
        Self { address, thread }
    }

    /// As `start`, for one connection.
    pub fn once(script: impl FnOnce(Bare) + Send + 'static) -> Self {
        Self::start(vec![Box::new(script)])
    }

    /// A client that is connected and waits for its answers as long as a test may.
    pub async fn client(&self) -> Client {
        let mut options = ClientOptions::default();
        options.timeout_ms = LONG.as_millis() as u64;
        // Scripts see calls only.
        options.watch_servers = false;
        let client = Client::with_options(&self.address, options).unwrap();
        client.ready(LONG).await.unwrap();
        client
    }

    /// All scripts have ended, and none has failed.
    pub async fn finish(self) {
        super::blocking(move || self.thread.join().unwrap()).await;
    }
}

impl Bare {
    /// Has its system take little more than is read.
    pub fn hold_little(&self) {
        socket2::SockRef::from(&self.stream).set_recv_buffer_size(64 * 1024).unwrap();
    }

    /// The next `count` requests.
    pub fn requests(&mut self, count: usize) -> Vec<Frame> {
        (0..count).map(|_| self.next().expect("a request")).collect()
    }

    /// Waits until the other side has ended the connection.
    pub fn until_ended(&mut self) {
        use std::io::Read;
        loop {
            match self.stream.read(&mut [0; 4096]) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it goes on"),
                // A reset is an end as well.
                Ok(0) | Err(_) => return,
            }
        }
    }
}

/// All values of a call, and the error behind them.
pub async fn drain(mut call: Call) -> (Vec<String>, Option<Error>) {
    let mut values = Vec::new();
    while let Some(value) = call.next().await {
        match value {
            Ok(value) => values.push(value.text().to_owned()),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

/// What the failure of a call says: the name of its cause, and all that is known.
pub fn told(error: &Error) -> (&'static str, serde_json::Value) {
    let cause = error.cause().expect("a call has failed");
    (cause.name(), serde_json::from_str(error.merged_info()).unwrap())
}
