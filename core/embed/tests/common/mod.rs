//! A server and a client in one process.

#![allow(dead_code, reason = "each test uses a part of it")]

use bytes::Bytes;
use libfast_embed::{CallSettings, Client, Config, Event, Next, Queue, Server};
use std::sync::Arc;
use std::thread;

/// Calls one after the other after which the caller surely drives its connection itself.
pub const MANY: usize = 100;

/// A server whose method `echo` is answered by a thread, and a client of it.
pub fn pair() -> (Server, Arc<Queue>, Client) {
    let (server, queue, address) = serve();
    let client = Client::new(&address, &Config::default()).unwrap();
    (server, queue, client)
}

/// A server whose method `echo` is answered by a thread until the queue is closed, and its address.
pub fn serve() -> (Server, Arc<Queue>, String) {
    let (server, queue) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("echo", &queue, 0).unwrap();
    let address = server.start().unwrap();
    let polled = queue.clone();
    thread::spawn(move || {
        while let Ok(events) = polled.poll(64, None) {
            for event in events {
                if let Event::Request { request, .. } = event {
                    let args = request.args();
                    request.end(Some(args)).unwrap();
                }
            }
        }
    });
    (server, queue, address)
}

pub fn call_one_by_one(client: &Client, calls: usize) {
    for i in 0..calls {
        let args = Bytes::from(format!("[{i}]"));
        let call = client.call("echo", args.clone(), &CallSettings::default()).unwrap();
        assert!(matches!(call.next(None).unwrap(), Next::Value(value) if value == args));
        assert!(matches!(call.next(None).unwrap(), Next::End));
    }
}
