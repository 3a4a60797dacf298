//! `fastcall`: where its arguments come from, how its output looks, and what programs of node-fast rely on.

use super::support::*;
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

fn call(args: &[&str]) -> Ended {
    run("fastcall", args)
}

/// Host and port of a server, and the rest of what the form of node-fast takes.
fn classic<'a>(server: &'a Fastserve, options: &[&'a str], method: &'a str, args: &'a str) -> Ended {
    let (host, port) = server.address().rsplit_once(':').unwrap();
    call(&[options, &[host, port, method, args]].concat())
}

#[test]
fn arguments_come_from_files_and_from_standard_input() {
    let server = Fastserve::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("args.json");
    std::fs::write(&path, "[\n  1,\n  \"é\"\n]\n").unwrap();
    let expected = "{\"value\":1}\n{\"value\":\"é\"}\n";
    assert_eq!(call(&[server.address(), "echo", &format!("@{}", path.display())]).data(), expected);
    let mut child = start(tool("fastcall").args([server.address(), "echo", "-"]).stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(finish(child).data(), expected);
}

#[test]
fn arguments_larger_than_a_message_may_be_are_refused_before_they_are_all_read() {
    let mut child = start(
        tool("fastcall").args(["--set", "max_frame_bytes=2048", ":1", "echo", "-"]).stdin(Stdio::piped()),
    );
    // The other end is never closed.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[b' '; 4096]).unwrap();
    let ended = finish(child);
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.stderr.starts_with("fastcall: RPC arguments: more than 2048 bytes\n"), "{ended:?}");
}

/// Options end at the first operand, short ones may stand together, and the port is the number that it begins with.
#[test]
fn command_lines_of_node_fast_work() {
    let server = Fastserve::start(&[]);
    let (host, port) = server.address().rsplit_once(':').unwrap();
    assert_eq!(call(&[host, &format!("{port}abc"), "echo", "[7]"]).data(), "{\"value\":7}\n");
    assert_eq!(call(&["--", host, port, "echo", "[7]"]).data(), "{\"value\":7}\n");
    let ended = classic(&server, &[], "-a", "[]");
    assert_eq!(ended.code(), 1, "the method is called -a: {ended:?}");
    assert!(ended.stderr.contains("unsupported RPC method: \"-a\""), "{ended:?}");
}

#[test]
fn failures_in_the_form_of_node_fast_begin_with_its_words() {
    let server = Fastserve::start(&[]);
    let fails = r#"[{"name":"E","message":"boom"}]"#;
    let first = |ended: &Ended| ended.stderr.lines().next().unwrap().to_owned();
    let ended = classic(&server, &[], "fail", fails);
    assert_eq!((ended.code(), ended.stdout.as_str()), (1, ""));
    assert_eq!(first(&ended), "fastcall: fast request: request failed: server error: boom");
    assert!(ended.stderr.contains("\nerror[FAST_E_REMOTE]: E: boom (from "), "{ended:?}");
    let ended = classic(&server, &["--classic-exit"], "fail", fails);
    assert_eq!(
        (ended.code(), first(&ended).as_str()),
        (0, "fastcall: fast request: request failed: server error: boom")
    );
    let ended = classic(&server, &["-t", "50ms"], "sleep", r#"[{"ms":60000}]"#);
    assert_eq!(ended.code(), 4);
    assert!(
        first(&ended)
            .starts_with("fastcall: fast request: request failed: \"sleep\" timed out after 50 milliseconds")
    );
}

#[test]
fn without_a_connection_no_status_is_0() {
    for (args, status) in [(&[][..], 3), (&["--classic-exit"], 1)] {
        let ended = call(&[args, &["127.0.0.1", "1", "date", "[]"]].concat());
        assert_eq!((ended.code(), ended.stdout.as_str()), (status, ""), "{ended:?}");
        assert!(
            ended.stderr.starts_with("error[FAST_E_CONNECT]: cannot connect to 127.0.0.1:1"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_connection_that_breaks_is_told_before_the_call() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let child = start(tool("fastcall").args(["127.0.0.1", &port, "date", "[]"]));
    let (mut stream, _) = listener.accept().unwrap();
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    drop(stream);
    let ended = finish(child);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[0], "fastcall: fast connection: unexpected end of transport stream", "{ended:?}");
    assert_eq!(
        lines[1], "fastcall: fast request: request failed: unexpected end of transport stream",
        "{ended:?}"
    );
    assert!(lines[2].starts_with("error[FAST_E_CONN_LOST]: connection to 127.0.0.1:"), "{ended:?}");
    assert_eq!(ended.code(), 5);
}

/// The server sees no end of the stream until the interrupt.
#[test]
fn a_connection_that_is_left_open_ends_with_the_interrupt() {
    let fails = r#"[{"name":"E","message":"boom"}]"#;
    for (options, method, args, status) in [
        (&["-c"][..], "date", "[]", 0),
        (&["-c"], "fail", fails, 1),
        (&["-c", "--classic-exit"], "fail", fails, 0),
    ] {
        let server = Fastserve::start(&["--quiesce"]);
        let mut child = start(tool("fastcall").args(options).args([server.address(), method, args]));
        match status {
            0 if method == "date" => {
                BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
            }
            _ => {
                // All of the message, or writing the rest of it would fail.
                let mut stderr = BufReader::new(child.stderr.as_mut().unwrap());
                let mut line = String::new();
                while !line.starts_with("  help: ") {
                    line.clear();
                    assert!(stderr.read_line(&mut line).unwrap() > 0);
                }
            }
        }
        server.signal(Signal::INT);
        assert!(child.try_wait().unwrap().is_none());
        signal(child.id(), Signal::INT);
        assert_eq!(finish(child).code(), status, "{options:?} {method}");
        assert_eq!(server.finish().code(), 0);
    }
}

#[test]
fn a_table_has_the_members_of_objects_as_columns() {
    let server = Fastserve::start(&[]);
    let args = r#"[1,"a b",{"x":[1, 2.50]},null,"\u001b[2J"]"#;
    let table = "value\n1\na b\n{\"x\":[1,2.50]}\nnull\n\\u{1b}[2J\n";
    assert_eq!(call(&["-o", "table", server.address(), "echo", args]).data(), table);
    let ended = finish(start(tool("fastcall").env("FAST_OUTPUT", "table").args([server.address(), "date"])));
    let table = ended.data();
    assert!(table.starts_with("timestamp      iso8601\n17"), "{table}");
    assert_eq!(call(&["-o", "table", server.address(), "echo"]).data(), "");
}

#[test]
fn failures_for_programs_are_an_object() {
    let server = Fastserve::start(&[]);
    let args = r#"[{"name":"E","message":"boom","info":{"x":1.0},"data":[1]}]"#;
    let ended = call(&["-o", "json", server.address(), "fail", args]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (1, "{\"value\":1}\n"));
    assert_eq!(ended.stderr.lines().count(), 1);
    let odd = r#"[{"name":"E","message":"m","info":{"huge": 1e999}}]"#;
    let odd = call(&["-o", "json", server.address(), "fail", odd]).stderr;
    assert!(odd.contains(r#""remote":{"name":"E","message":"m","info":{"huge":1e999},"#), "{odd}");
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(error["schema"], "fastcall.error/1");
    assert_eq!((&error["code"], &error["status"]), (&"FAST_E_REMOTE".into(), &1.into()));
    assert_eq!(error["endpoint"], server.address());
    assert_eq!(error["remote"]["info"], serde_json::json!({ "x": 1.0 }));
    assert_eq!(error["cause"], "FastServerError");
    assert_eq!((&error["info"]["x"], &error["info"]["rpcMethod"]), (&1.0.into(), &"fail".into()));
    let error = call(&["-o", "json", "127.0.0.1:1", "date"]).stderr;
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!((&error["code"], &error["remote"]), (&"FAST_E_CONNECT".into(), &serde_json::Value::Null));
}

/// A peer that looks at the version of the message and answers null.
#[test]
fn options_of_the_client_reach_it() {
    for (options, version, status, data) in [
        (&[][..], 2, 5, ""),
        (&["--wire-version", "1", "--ignore-null-values"], 1, 0, "{}\n"),
        (&["--set", "wire_version=1", "--set", "ignore_null_values=true"], 1, 0, "{}\n"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let child = start(tool("fastcall").args(options).args([&address, "m"]));
        let _stream = answer_null(&listener, version);
        let ended = finish(child);
        assert_eq!((ended.code(), ended.stdout.as_str()), (status, data), "{options:?}: {ended:?}");
        assert_eq!(ended.stderr.contains("server sent \"null\" value"), status != 0, "{ended:?}");
    }
}

/// It ends the call and not the connection, so node-fast says nothing of the latter.
#[test]
fn null_is_told_in_the_words_of_old_and_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let child = start(tool("fastcall").args(["127.0.0.1", &port, "m", "[]"]));
    let _stream = answer_null(&listener, 2);
    let ended = finish(child);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[0], "fastcall: fast request: request failed: server sent \"null\" value", "{ended:?}");
    assert!(lines[1].starts_with("error[FAST_E_PROTOCOL]: server sent \"null\" value"), "{ended:?}");
    assert_eq!(lines[2], "  help: drop such values with --ignore-null-values", "{ended:?}");
}

/// Takes a call of this version, and ends it with a null and an object.
fn answer_null(listener: &TcpListener, version: u8) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut header = [0; 15];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(header[0], version);
    let payload = br#"{"m":{"name":"m"},"d":[null,{}]}"#;
    let checksum = if version == 1 { xmodem(payload) } else { arc(payload) };
    let mut answer = vec![version, 1, 2];
    answer.extend_from_slice(&header[3..7]);
    answer.extend_from_slice(&u32::from(checksum).to_be_bytes());
    answer.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    answer.extend_from_slice(payload);
    stream.write_all(&answer).unwrap();
    stream
}

/// The checksum of version 1, of ASCII.
fn xmodem(bytes: &[u8]) -> u16 {
    let shift = |crc: u16| crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| shift(crc)))
}

/// The checksum of version 2.
fn arc(bytes: &[u8]) -> u16 {
    let shift = |crc: u16| crc >> 1 ^ if crc & 1 != 0 { 0xa001 } else { 0 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| shift(crc)))
}
