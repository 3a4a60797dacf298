//! `fastcall`: what it tells of the way of a call, and giving a call up.

use super::support::*;
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

/// The lines, without the times in them.
fn told(stderr: &str) -> Vec<String> {
    let is_time = |word: &str| word.strip_suffix("ms").is_some_and(|number| number.parse::<f64>().is_ok());
    let timeless = |line: &str| {
        let words: Vec<_> =
            line.split_whitespace().map(|word| if is_time(word) { "TIME" } else { word }).collect();
        words.join(" ")
    };
    stderr.lines().map(timeless).collect()
}

#[test]
fn verbose_tells_each_phase_with_its_time_on_standard_error() {
    let server = Fastserve::start(&[]);
    let address = server.address();
    let ended = run("fastcall", &["-v", address, "echo", "[1,22]"]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, "{\"value\":1}\n{\"value\":22}\n"));
    let lines = told(&ended.stderr);
    assert_eq!(
        lines[..3],
        [
            format!("* resolve {address} 1 endpoint TIME"),
            format!("* pick p2c {address} (no call yet)"),
            format!("* connect {address} new connection TIME"),
        ]
    );
    assert!(lines[3].starts_with("> DATA msgid=1 v2 ") && lines[3].ends_with("B echo"), "{ended:?}");
    assert_eq!(lines[4..], ["< DATA msgid=1 11B first value TIME", "< END 2 values 23B total TIME"]);
}

#[test]
fn verbose_tells_of_failures_where_they_happen() {
    let server = Fastserve::start(&[]);
    // In turn, so that one of two calls tries the address that nobody listens on.
    let target = format!("127.0.0.1:1,{}", server.address());
    let calls = [(); 20].map(|()| run("fastcall", &["-v", "--set", "policy=round_robin", &target, "date"]));
    assert!(calls.iter().all(|ended| ended.code() == 0), "{calls:?}");
    let retried = calls.iter().map(|ended| told(&ended.stderr)).find(|lines| lines.len() > 6).unwrap();
    assert!(retried[1].starts_with("* pick round_robin 127.0.0.1:1 (no call yet) over "), "{retried:?}");
    assert!(retried[2].starts_with("* failed cannot connect to 127.0.0.1:1: "), "{retried:?}");
    let ended =
        run("fastcall", &["-v", server.address(), "fail", r#"[{"name":"E","message":"m","data":[1]}]"#]);
    assert!(told(&ended.stderr).contains(&"< ERROR E after 1 value total TIME".to_owned()), "{ended:?}");
    let ended = run("fastcall", &["-v", "127.0.0.1:1", "date"]);
    assert!(
        told(&ended.stderr).contains(&"* end FAST_E_CONNECT after 0 values total TIME".to_owned()),
        "{ended:?}"
    );
}

/// More than any socket takes at once. The peer gets all of it and never answers.
#[test]
fn a_request_that_is_given_up_is_sent_to_its_last_byte() {
    let args = format!("[\"{}\"]", "x".repeat(64 << 20));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let limit = ["--set", "max_frame_bytes=100000000"];
    let operands = ["-a", "127.0.0.1", &port, "m", "-"];
    let mut child = start(tool("fastcall").args(limit).args(operands).stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(args.as_bytes()).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    assert!(received.ends_with(b"xxx\"]}"), "{} bytes", received.len());
    let length = u32::from_be_bytes(received[11..15].try_into().unwrap());
    assert_eq!(received.len(), 15 + length as usize);
    let ended = finish(child);
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""));
    assert_eq!(ended.stderr, "fastcall: fast request: request failed: request abandoned by user\n");
}

/// As `fastcall -ac` of node-fast: the call is made and goes on, and nobody waits for its answer.
#[test]
fn a_call_that_is_given_up_runs_on_while_the_connection_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (go, done) = (folder.path().join("go"), folder.path().join("done"));
    assert!(std::process::Command::new("mkfifo").arg(&go).status().unwrap().success());
    let run = format!("run=cat {} >/dev/null; touch {}", go.display(), done.display());
    let server = Fastserve::start(&["--exec", &run]);
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let mut child = start(tool("fastcall").args(["-ac", host, port, "run", "[]"]));
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "fastcall: fast request: request failed: request abandoned by user\n");
    std::fs::write(&go, "").unwrap();
    until("the command is done", || done.exists().then_some(()));
    signal(child.id(), Signal::INT);
    let ended = finish(child);
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""));
}

#[test]
fn a_call_cannot_be_given_up_before_there_is_a_connection() {
    let ended = run("fastcall", &["-a", "127.0.0.1:1", "date"]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (3, ""));
    assert!(ended.stderr.starts_with("error[FAST_E_CONNECT]"), "{ended:?}");
}
