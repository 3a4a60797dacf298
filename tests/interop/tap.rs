//! What goes over the wire between a client and a server: a relay that keeps all frames of both directions.

use super::frames::wide;
use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Status, Version};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A relay to one server, for one case.
pub struct Tap {
    listener: TcpListener,
    connections: Arc<Mutex<Vec<Arc<Recorded>>>>,
    ended: Arc<AtomicBool>,
    acceptor: thread::JoinHandle<()>,
}

/// The frames of one connection in the order in which they passed; true: from the client.
#[derive(Default)]
struct Recorded {
    frames: Mutex<Vec<(bool, Frame)>>,
    garbled: Mutex<Vec<String>>,
}

/// What passed, once the case has ended.
pub struct Seen(Vec<Arc<Recorded>>);

impl Tap {
    /// A relay that connects to `server`.
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let connections = Arc::<Mutex<Vec<Arc<Recorded>>>>::default();
        let ended = Arc::new(AtomicBool::new(false));
        let (accepting, kept, stop) =
            (listener.try_clone().expect("a socket has room"), connections.clone(), ended.clone());
        let server = server.to_owned();
        let acceptor = thread::spawn(move || {
            while let Ok((client, _)) = accepting.accept() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                // A server that is gone is a connection that ends at once.
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let recorded = Arc::<Recorded>::default();
                kept.lock().expect("no panic").push(recorded.clone());
                for (from, to, from_client) in [(&client, &server, true), (&server, &client, false)] {
                    let (from, to) = (from.try_clone().expect("room"), to.try_clone().expect("room"));
                    let recorded = recorded.clone();
                    thread::spawn(move || recorded.relay(from, to, from_client));
                }
            }
        });
        Self { listener, connections, ended, acceptor }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().expect("it is bound").to_string()
    }

    /// The client has got all that it waited for.
    pub fn finish(self) -> Seen {
        self.ended.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address());
        self.acceptor.join().expect("the relay works");
        Seen(std::mem::take(&mut *self.connections.lock().expect("no panic")))
    }
}

impl Recorded {
    fn relay(&self, mut from: TcpStream, mut to: TcpStream, from_client: bool) {
        let (mut decoder, mut input) = (Decoder::new(wide()), BytesMut::new());
        let mut chunk = vec![0; 65_536];
        while let Ok(read @ 1..) = from.read(&mut chunk) {
            input.extend_from_slice(&chunk[..read]);
            // Kept before it is passed on: whoever gets an answer may look at once.
            loop {
                match decoder.decode(&mut input) {
                    Ok(Some(frame)) => self.frames.lock().expect("no panic").push((from_client, frame)),
                    Ok(None) => break,
                    Err(error) => {
                        self.garbled.lock().expect("no panic").push(error.to_string());
                        break;
                    }
                }
            }
            if to.write_all(&chunk[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}

impl Seen {
    /// What holds for everything that is said in a case that goes well, whoever says it.
    pub fn judge(&self, version: u8) -> Result<(), String> {
        let version = Version::from_u8(version).expect("a version");
        if self.0.len() != 1 {
            return Err(format!("{} connections were made for one case", self.0.len()));
        }
        let recorded = &self.0[0];
        if let Some(garbled) = recorded.garbled.lock().expect("no panic").first() {
            return Err(format!("what was sent is not Fast: {garbled}"));
        }
        let mut open = HashMap::new();
        for (from_client, frame) in &*recorded.frames.lock().expect("no panic") {
            let Frame { status, msgid, .. } = frame;
            if frame.version != version {
                return Err(format!("a frame of version {:?} on call {msgid}", frame.version));
            }
            match (from_client, status) {
                (true, Status::Data) => {
                    judge_request(frame)?;
                    if open.insert(*msgid, ()).is_some() {
                        return Err(format!("id {msgid} was used again before its end"));
                    }
                }
                (true, status) => return Err(format!("the client sent {status:?}")),
                (false, Status::Data) if open.contains_key(msgid) => {}
                (false, Status::End | Status::Error) if open.remove(msgid).is_some() => {}
                (false, status) => return Err(format!("the server sent {status:?} for no call: {msgid}")),
            }
        }
        Ok(())
    }
}

/// What old servers insist on.
fn judge_request(frame: &Frame) -> Result<(), String> {
    let meta = frame.meta().ok_or("a request without m")?;
    let meta: Json = serde_json::from_slice(meta).map_err(|error| error.to_string())?;
    match (meta["name"].is_string(), meta["uts"].as_u64()) {
        (true, Some(1..)) => Ok(()),
        _ => Err(format!("m of a request is {meta}")),
    }
}
