//! Ids of messages that are used wrongly, by clients and by servers.

use crate::raw::{LIMIT, Raw, Verdict, message, request};
use crate::report::{Report, Trouble};
use crate::rig::Rig;
use bytes::Bytes;
use libfast::{Client, ErrorKind};
use libfast_protocol::{MAX_MSGID, Status};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Answers as the protocol says.
pub fn run(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    of_clients(rig, report)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(of_servers(report)).map_err(|error| Trouble::Failed(error.to_string()))
}

/// What a server makes of it.
fn of_clients(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let server = rig.server("server", &["--service-us", "100000"])?;
    let work = |id| request(id, "work", "[7]");
    let mut too_high = work(1);
    too_high[3] |= 0x80;
    let cases = [
        ("an id that is in use ends the connection", [work(5), work(5)].concat(), Verdict::Closed),
        ("END from a client ends the connection", message(Status::End, 5, r#"{"d":[]}"#), Verdict::Closed),
        ("the highest id is answered", work(MAX_MSGID), Verdict::Answered),
        ("an id above it ends the connection", too_high, Verdict::Closed),
    ];
    for (name, bytes, expected) in cases {
        let mut raw = Raw::connect(&server.address)?;
        raw.write(&bytes);
        let id = u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]);
        check(report, name, raw.verdict(id, LIMIT).0 == expected);
    }
    let mut raw = Raw::connect(&server.address)?;
    let mut answered = 0;
    for id in [MAX_MSGID, 1, 1] {
        raw.write(&request(id, "echo", "[1]"));
        answered += usize::from(raw.verdict(id, LIMIT).0 == Verdict::Answered);
    }
    check(report, "ids go on at 1 after the highest, and an id that is free again is taken", answered == 3);
    Ok(())
}

/// What a client makes of it.
async fn of_servers(report: &mut Report) -> libfast::Result<()> {
    let data = |id| message(Status::Data, id, r#"{"m":{"uts":1,"name":"work"},"d":[1]}"#);
    let end = |id| message(Status::End, id, r#"{"m":{"uts":1,"name":"work"},"d":[]}"#);

    let client = client_of(move |raw, id| raw.write(&data(id + 1)))?;
    let kind = client.call("work", (1,)).idempotent(false).await.err().map(|error| error.kind());
    check(report, "an answer to an unknown id is a protocol error", kind == Some(ErrorKind::Protocol));

    let is_first = AtomicBool::new(true);
    let client = client_of(move |raw, id| {
        let more = if is_first.swap(false, Relaxed) { data(id) } else { Vec::new() };
        raw.write(&[data(id), end(id), more].concat());
    })?;
    let first = client.call("work", (1,)).await.is_ok();
    // The connection is gone, of which this call knows or learns; the next one gets another.
    let _ = client.call("work", (2,)).await.inspect_err(|error| report.error(error.message()));
    let third = client.call("work", (3,)).await.inspect_err(|error| report.error(error.message())).is_ok();
    report.figure("an answer is taken although DATA follows its END", f64::from(first), "").at_least(1.0);
    report.figure("the second call after it is served", f64::from(third), "").at_least(1.0);

    let client = client_of(move |raw, id| {
        if id == 1 {
            // Until the caller has given up.
            std::thread::sleep(Duration::from_millis(300));
        }
        raw.write(&[data(id), end(id)].concat());
    })?;
    let late = client.call("work", (1,)).timeout(Duration::from_millis(50)).await;
    let late = late.is_err_and(|error| error.kind() == ErrorKind::Timeout);
    let mut options = client.call_options();
    options.retries = 0;
    let next = client.start("work", Bytes::from_static(b"[2]"), options).collect().await;
    check(report, "a late answer to an abandoned call is passed over", late && next.is_ok());
    Ok(())
}

/// A client of a server that answers each request as it is told.
fn client_of(answer: impl Fn(&mut Raw, u32) + Send + 'static) -> libfast::Result<Client> {
    let failed = |error: std::io::Error| libfast::Error::new(ErrorKind::Connect, error.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    // It ends with the process: nobody connects any more.
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut raw = Raw::new(stream);
            while let Ok(frame) = raw.read(LIMIT) {
                answer(&mut raw, frame.msgid);
            }
        }
    });
    Client::new(&address.to_string())
}

fn check(report: &mut Report, name: &str, holds: bool) {
    report.figure(name, f64::from(holds), "").at_least(1.0).always();
}
