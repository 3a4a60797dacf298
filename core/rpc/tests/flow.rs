//! Who sends faster than the other side takes has to wait, and goes on afterwards.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::{Body, Frame, Status};
use libfast_rpc::{Client, Request, Server};
use std::io::{ErrorKind as Io, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use support::script::Script;
use support::{Bare, LONG, blocking, until};

fn options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    options
}

/// A program that does not take its values stops the server before long, and gets all of them once it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_program_holds_its_server_up() {
    let value = format!(r#"{{"d":["{}"]}}"#, "x".repeat(10_000));
    let (rested, at_rest) = tokio::sync::oneshot::channel();
    let script = Script::once(move |mut peer| {
        let id = peer.requests(1)[0].msgid;
        let mut frame = bytes::BytesMut::new();
        libfast_protocol::encode(&mut frame, Default::default(), Status::Data, id, value.as_bytes());
        // At rest: nothing could be written for this long.
        peer.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut sent = 0;
        let left = 'writing: loop {
            let mut left = &frame[..];
            while !left.is_empty() {
                match peer.stream.write(left) {
                    Ok(written) => left = &left[written..],
                    Err(error) if error.kind() == Io::WouldBlock => break 'writing left.to_vec(),
                    Err(error) => panic!("{error}"),
                }
            }
            sent += 1;
            assert!(sent < 20_000, "200 MB are kept for a program that takes nothing");
        };
        rested.send(sent).unwrap();
        peer.stream.set_write_timeout(Some(LONG)).unwrap();
        peer.stream.write_all(&left).unwrap();
    });
    let mut settings = ClientOptions::default();
    settings.watch_servers = false;
    settings.timeout_ms = 0;
    let client = Client::with_options(&script.address, settings).unwrap();
    let mut call = client.stream("m", [0; 0]);
    call.next().await.unwrap().unwrap();
    let sent: u64 = at_rest.await.unwrap();
    let mut values = 1;
    let error = loop {
        match call.next().await.unwrap() {
            Ok(_) => values += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((values, error.kind()), (sent + 1, ErrorKind::ConnectionLost), "{error}");
    script.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_waits_for_a_client_that_does_not_read_and_then_goes_on() {
    let server = Server::new(options()).unwrap();
    let (sent, waits, stop) =
        (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let shared = (sent.clone(), waits.clone(), stop.clone());
    let endless = move |request: Request| {
        let (sent, waits, stop) = shared.clone();
        async move {
            while !stop.load(Ordering::SeqCst) {
                let room = request.try_send(&"x".repeat(10_000))?;
                sent.fetch_add(1, Ordering::SeqCst);
                if !room {
                    waits.fetch_add(1, Ordering::SeqCst);
                    request.writable().await;
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }
    };
    server.method("endless", endless).unwrap();
    let address = server.start().await.unwrap().to_string();
    let mut client = Bare::connect(&address);
    client.send(1, "endless", "[]");
    until("the handler has to wait", || waits.load(Ordering::SeqCst) > 0).await;
    let (before, counted) = (sent.load(Ordering::SeqCst), sent.clone());
    assert!(before < 20_000, "200 MB are kept for a client that takes nothing");
    let (mut client, mut seen) = blocking(move || {
        let mut seen = 0;
        while counted.load(Ordering::SeqCst) < 2 * before {
            client.requests(1);
            seen += 1;
        }
        (client, seen)
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    let seen = blocking(move || {
        while client.next().unwrap().status == Status::Data {
            seen += 1;
        }
        seen
    });
    assert_eq!(seen.await, sent.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_client_that_ends_its_side_at_once_gets_fifty_thousand_values() {
    let server = Server::new(options()).unwrap();
    let range = |request: Request| async move {
        let (n,) = request.args::<(u64,)>()?;
        for i in 0..n {
            request.send(&i).await?;
        }
        Ok(())
    };
    server.method("range", range).unwrap();
    let address = server.start().await.unwrap().to_string();
    let mut client = Bare::connect(&address);
    client.send(1, "range", "[50000]");
    client.stream.shutdown(Shutdown::Write).unwrap();
    let frames = blocking(move || std::iter::from_fn(|| client.next()).collect::<Vec<_>>()).await;
    let values_of = |frame: &Frame| match &frame.body {
        Body::Values(values) => values.clone().into_iter(),
        Body::Error(error) => panic!("{error:?}"),
    };
    let values: Vec<_> = frames.iter().flat_map(values_of).collect();
    assert!(values.iter().enumerate().all(|(i, value)| *value == i.to_string()), "in order");
    assert_eq!((values.len(), frames.last().map(|frame| frame.status)), (50_000, Some(Status::End)));
    assert!(frames.len() < 25_000, "{} frames: values share them while much waits", frames.len());
}
