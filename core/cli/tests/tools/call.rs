//! `fastcall`: both its forms, what it prints, and every way it ends.

use super::support::*;
use libfast::{Request, Server, ServerOptions};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

fn call(args: &[&str]) -> Ended {
    run("fastcall", args)
}

/// It failed with this status and this code, said so only on standard error, and told what to do.
fn expect_failure(ended: Ended, status: i32, code: &str) -> String {
    assert_eq!(ended.code(), status, "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{ended:?}");
    assert!(ended.stderr.lines().last().unwrap().starts_with("  help: "), "{ended:?}");
    ended.stderr
}

#[test]
fn both_forms_call_and_arguments_have_a_default() {
    let server = Fastserve::start(&[]);
    let address = server.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    assert_eq!(call(&[address, "echo", "[1, 2]"]).data(), "{\"value\":1}\n{\"value\":2}\n");
    assert_eq!(call(&[host, port, "echo", "[3]"]).data(), "{\"value\":3}\n");
    assert_eq!(call(&[&format!(":{port}"), "echo"]).data(), "");
    assert_eq!(call(&["--", host, port, "echo", "[]"]).data(), "");
    assert!(call(&[address, "date"]).data().starts_with("{\"timestamp\":"));
}

#[test]
fn values_are_compact_and_otherwise_as_they_were_sent() {
    let server = Fastserve::start(&[]);
    let args = "[ 1.50e+3 , 12345678901234567890123, \"a  \\\" b\\u0020\", {\"x\" :\n[ ] } ]";
    let expected = "{\"value\":1.50e+3}\n{\"value\":12345678901234567890123}\n\
                    {\"value\":\"a  \\\" b\\u0020\"}\n{\"value\":{\"x\":[]}}\n";
    assert_eq!(call(&[server.address(), "echo", args]).data(), expected);
}

/// The server sends the second value only after the first was seen on the other side of a pipe.
#[tokio::test(flavor = "multi_thread")]
async fn each_value_is_printed_as_it_comes() {
    let seen = Arc::new(tokio::sync::Notify::new());
    let server = Server::new(ServerOptions::default()).unwrap();
    let first_was_seen = seen.clone();
    let count = move |request: Request| {
        let seen = first_was_seen.clone();
        async move {
            request.send(&1).await?;
            seen.notified().await;
            Ok(2)
        }
    };
    server.method("count", count).unwrap();
    let address = server.start().await.unwrap().to_string();
    let printed = tokio::task::spawn_blocking(move || {
        let mut child = start(tool("fastcall").args([&address, "count"]));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "1\n");
        seen.notify_one();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        (rest, finish(child).code())
    });
    assert_eq!(printed.await.unwrap(), ("2\n".into(), 0));
}

#[test]
fn an_error_of_the_server_is_1() {
    let server = Fastserve::start(&[]);
    let said = expect_failure(call(&[server.address(), "fial"]), 1, "FAST_E_REMOTE");
    assert!(said.contains(r#"FastError: unsupported RPC method: "fial""#) && said.contains(server.address()));
    let args = r#"[{"name":"Odd","message":"two\nlines\u001b[2J","info":{"x":1}}]"#;
    let said = expect_failure(call(&[server.address(), "fail", args]), 1, "FAST_E_REMOTE");
    assert!(said.contains(r"Odd: two\nlines\u{1b}[2J") && said.contains("info: {\"x\":1}"), "{said}");
}

/// In the words of node-fast where it has some.
#[test]
fn wrong_usage_is_2_and_shows_the_right_one() {
    for (args, why) in [
        (&["a b", "date"][..], "target \"a b\": service name"),
        (&["http://h/x", "date"], "target \"http://h/x\": the scheme"),
        (&["127.0.0.1:1", "date", "{}"], "RPC arguments: expected array"),
        (&["127.0.0.1:1", "date", "[1"], "parsing RPC arguments: "),
        (&["127.0.0.1:1", "date", "@/nowhere"], "reading RPC arguments from @/nowhere: "),
        (&["localhost", "x12", "date", "[]"], "invalid TCP port: x12"),
        (&["localhost", "0", "date", "[]"], "invalid TCP port: 0"),
        (&["localhost", "2030", "date"], "expected four non-option arguments"),
        (&[], "expected four non-option arguments"),
        (&["t"], "expected four non-option arguments"),
        (&["t", "m", "[]", "x", "y"], "expected four non-option arguments"),
        (&["t", "m", "[]", "-t", "5s"], "option -t after an operand"),
        (&["-t", "5", "t", "m"], "invalid value '5' for '--timeout <TIME>': a unit is missing"),
        (&["--nonsense", "t", "m"], "unexpected argument '--nonsense'"),
        (
            &["--wire-version", "3", "t", "m"],
            "option \"wire_version\": \"3\" is not a whole number from 1 to 2",
        ),
        (
            &["--set", "timeout_m=1", "t", "m"],
            "option \"timeout_m\" does not exist; did you mean \"timeout_ms\"?",
        ),
        (&["--set", "timeout_ms", "t", "m"], "--set timeout_ms: write NAME=VALUE"),
        (&["-o", "csv", "t", "m"], "invalid value 'csv' for '--output <FORMAT>'"),
    ] {
        let ended = call(args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.starts_with(&format!("fastcall: {why}")), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("\nusage: fastcall [OPTIONS] "), "{args:?}: {ended:?}");
    }
}

#[test]
fn nobody_to_call_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let said = expect_failure(call(&["127.0.0.1:1", "date"]), 3, "FAST_E_CONNECT");
    assert!(said.contains("127.0.0.1:1") && said.contains("fastserve -l"), "{said}");
    let target = format!("dir://{}/echo", folder.path().display());
    let said = expect_failure(call(&[&target, "date"]), 3, "FAST_E_NO_ENDPOINT");
    assert!(said.contains(&format!("fastctl ls {target}")), "{said}");
    expect_failure(call(&["zk://127.0.0.1:1/fast/echo", "date"]), 3, "FAST_E_REGISTRY");
}

#[test]
fn a_timeout_is_4() {
    let server = Fastserve::start(&[]);
    let args = ["-t", "100ms", server.address(), "sleep", r#"[{"ms":60000}]"#];
    expect_failure(call(&args), 4, "FAST_E_TIMEOUT");
}

#[test]
fn a_peer_that_does_not_speak_fast_is_5_and_so_is_one_that_hangs_up() {
    for (answer, code) in [("HTTP/1.1 400 Bad Request\r\n\r\n", "FAST_E_PROTOCOL"), ("", "FAST_E_CONN_LOST")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let child = start(tool("fastcall").args([&address, "date"]));
        let (mut stream, _) = listener.accept().unwrap();
        // The request has to be read, or closing would be a reset.
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(answer.as_bytes()).unwrap();
        drop(stream);
        expect_failure(finish(child), 5, code);
    }
}

#[test]
fn an_interrupt_is_130() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = start(tool("fastcall").args([&listener.local_addr().unwrap().to_string(), "date"]));
    let connection = listener.accept().unwrap();
    signal(child.id(), Signal::INT);
    let ended = finish(child);
    assert_eq!((ended.code(), ended.stdout.as_str()), (130, ""));
    drop(connection);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let server = Fastserve::start(&[]);
    let args = [server.address(), "yes", r#"[{"value":"a line of some length","count":102400}]"#];
    let mut child = start(tool("fastcall").args(args));
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "{\"value\":\"a line of some length\"}\n");
    let ended = finish(child);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
}
