//! Clients against servers that do not read, do not answer or go away, played with bare sockets.

use bytes::BytesMut;
use libfast_model::ClientOptions;
use libfast_protocol::{Decoder, Limits, Status, Version, encode};
use libfast_rpc::Client;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn unlimited() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.timeout_ms = 0;
    options
}

/// The server has answered and gone, the client has not looked yet, and its next request cannot be written.
#[tokio::test]
async fn an_answer_that_has_come_is_not_lost_with_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("s{round}"));
        let listener = UnixListener::bind(&path).unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut input, mut decoder) = (BytesMut::new(), Decoder::new(Limits::default()));
            let request = loop {
                if let Some(frame) = decoder.decode(&mut input).unwrap() {
                    break frame;
                }
                let mut chunk = [0; 1000];
                let n = stream.read(&mut chunk).unwrap();
                input.extend_from_slice(&chunk[..n]);
            };
            let mut out = BytesMut::new();
            encode(&mut out, Version::V2, Status::End, request.msgid, br#"{"d":[7]}"#);
            stream.write_all(&out).unwrap();
        });
        let client = Client::with_options(&format!("unix:{}", path.display()), unlimited()).unwrap();
        client.ready(LONG).await.unwrap();
        let answered = client.stream("m", [0; 0]);
        // On the only thread that could read.
        serving.join().unwrap();
        let late = client.stream("m", [0; 0]);
        let values = tokio::time::timeout(LONG, answered.collect()).await.unwrap().unwrap();
        assert_eq!(values[0].text(), "7");
        assert!(tokio::time::timeout(LONG, late.collect()).await.unwrap().is_err());
    }
}

/// A server that was stopped by a debugger, say: requests that nobody waits for any more pile up in front of it.
#[tokio::test]
async fn requests_that_nobody_waits_for_do_not_pile_up_for_ever() {
    for (what, bytes, most) in [("bytes", 1 << 20, 150), ("answers", 1, 70_000)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::with_options(&listener.local_addr().unwrap().to_string(), unlimited()).unwrap();
        client.ready(LONG).await.unwrap();
        let (_stuck, _) = listener.accept().await.unwrap();
        let args = ["x".repeat(bytes)];
        for _ in 0..most {
            drop(client.stream("m", &args));
        }
        let again = tokio::time::timeout(LONG, listener.accept()).await;
        assert!(again.is_ok(), "too many {what} are owed for this connection to be of use");
    }
}
