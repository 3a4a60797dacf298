//! The tools of the package `fast` against those of libfast.

use super::process::{Process, node, tool};
use std::net::TcpListener;
use std::process::{Command, Output};

/// What both tools are asked to call, and what they print for it.
const CALLS: &[(&str, &str, &str)] = &[
    ("echo", "[]", ""),
    (
        "echo",
        r#"[1,"é😀",null,{"a":[]}]"#,
        "{\"value\":1}\n{\"value\":\"é😀\"}\n{\"value\":null}\n{\"value\":{\"a\":[]}}\n",
    ),
    ("yes", r#"[{"value":7,"count":3}]"#, "{\"value\":7}\n{\"value\":7}\n{\"value\":7}\n"),
    ("fastbench", r#"[{"echo":[1,2],"delay":1}]"#, "{\"value\":1}\n{\"value\":2}\n"),
    ("sleep", r#"[{"ms":1}]"#, ""),
];

fn run(command: &mut Command) -> (Output, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, said) = (output.stdout.clone(), output.stderr.clone());
    (output, String::from_utf8(printed).expect("text"), String::from_utf8(said).expect("text"))
}

fn their(tool: &str) -> Command {
    node(&format!("node_modules/fast/bin/{tool}"))
}

fn our_fastserve() -> (Process, String) {
    let mut process = Process::start(tool("fastserve").args(["-p", "0"]));
    let line = process.line();
    let port =
        line.split_whitespace().nth(3).and_then(|address| address.rsplit_once(':')).expect("an address").1;
    (process, port.to_owned())
}

/// Their server cannot choose its ports, so it gets some that were free a moment ago, and another try if they are not.
fn their_fastserve() -> (Process, String) {
    for _ in 0..10 {
        let [port, monitor] = free_ports();
        let mut command = their("fastserve");
        command.env("LOG_LEVEL", "info").args(["-p", &port, "-m", &monitor]);
        let mut process = Process::start(&mut command);
        // It logs to its standard output; at the end of it, it could not listen.
        while let Some(line) = process.next_line() {
            if line.contains("listening for kang and metric requests") {
                return (process, port);
            }
        }
    }
    panic!("their fastserve does not start")
}

fn free_ports() -> [String; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port().to_string())
}

#[test]
fn their_fastcall_calls_our_fastserve() {
    let (mut server, port) = our_fastserve();
    for (method, args, expected) in CALLS {
        let (output, printed, said) = run(their("fastcall").args(["127.0.0.1", &port, method, args]));
        assert_eq!((printed.as_str(), said.as_str()), (*expected, ""), "{method} {args}: {output:?}");
    }
    let (_, printed, said) = run(their("fastcall").args(["127.0.0.1", &port, "nope", "[]"]));
    let unknown = "fastcall: fast request: request failed: server error: unsupported RPC method: \"nope\"\n";
    assert_eq!((printed.as_str(), said.as_str()), ("", unknown));
    let args = r#"[{"name":"Boom","message":"100%","info":{"a":1}}]"#;
    let (.., said) = run(their("fastcall").args(["127.0.0.1", &port, "fail", args]));
    assert_eq!(said, "fastcall: fast request: request failed: server error: 100%\n");
    // Given up at once, and gone before the answer.
    let (.., said) = run(their("fastcall").args(["-a", "127.0.0.1", &port, "date", "[]"]));
    assert_eq!(said, "fastcall: fast request: request failed: request abandoned by user\n");
    assert!(server.is_running());
}

#[test]
fn our_fastcall_calls_their_fastserve() {
    let (mut server, port) = their_fastserve();
    let ours = |args: &[&str]| run(tool("fastcall").args(["127.0.0.1", &port]).args(args));
    for (method, args, expected) in CALLS {
        let (output, printed, said) = ours(&[method, args]);
        assert_eq!((printed.as_str(), said.as_str()), (*expected, ""), "{method} {args}: {output:?}");
    }
    let (output, printed, said) = ours(&["nope", "[]"]);
    assert_eq!((output.status.code(), printed.as_str()), (Some(1), ""));
    assert!(said.contains(r#"FastError: unsupported RPC method: "nope""#), "{said}");
    let (output, _, said) = ours(&["fail", r#"[{"name":"Boom","message":"100%","info":{"a":1}}]"#]);
    assert!(said.contains("Boom: 100%") && said.contains(r#"info: {"a":1}"#), "{said}");
    assert_eq!(output.status.code(), Some(1));
    let (output, printed, _) = ours(&["date", "[]"]);
    assert!(output.status.success() && printed.starts_with(r#"{"timestamp":"#), "{output:?}");
    assert!(server.is_running());
}

/// Two connections, ten calls in flight on each.
#[test]
fn their_fastbench_measures_our_fastserve_without_an_error() {
    let (mut server, port) = our_fastserve();
    let [kang, metrics] = free_ports();
    let limits = ["-c", "20", "-n", "2000", "-k", &kang, "-p", &metrics];
    let (output, printed, _) = run(their("fastbench").args(limits).args(["sync", "127.0.0.1", &port]));
    let line = |start: &str| {
        printed.lines().find(|line| line.starts_with(start)).map(|line| line[start.len()..].trim())
    };
    assert_eq!(line("total unexpected errors:"), Some("0"), "{output:?}");
    let completed = line("total requests completed:").and_then(|line| line.split(' ').next());
    assert_eq!(completed, Some("2000"), "{printed}");
    assert!(server.is_running());
}
