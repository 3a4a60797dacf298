//! `fastchaos` as users run it: a real process, judged by what it prints and how it ends.

use crate::support::{LIMIT, MS};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// A running tool, which is killed when the test is done with it.
struct Tool {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Tool {
    fn start(upstream: &str, arguments: &[&str]) -> Self {
        let mut command = fastchaos();
        command.args(["127.0.0.1:0", upstream]).args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut tool = Self { stdin: child.stdin.take(), child, stdout, address: String::new() };
        let line = tool.line();
        tool.address = line.strip_prefix("listening ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        tool
    }

    fn say(&mut self, command: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.line()
    }

    fn json(&mut self, command: &str) -> serde_json::Value {
        serde_json::from_str(&self.say(command)).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Its status, and what it printed since then.
    fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.stdin.take());
        self.ended()
    }

    fn ended(mut self) -> (Option<i32>, String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fastchaos() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fastchaos"))
}

fn server() -> (TcpListener, String) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    (server, address)
}

fn connect(tool: &Tool, server: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(&tool.address).unwrap();
    let (accepted, _) = server.accept().unwrap();
    for stream in [&client, &accepted] {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
    }
    (client, accepted)
}

fn until(mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < limit, "it takes too long");
        std::thread::sleep(MS);
    }
}

#[test]
fn commands_change_what_passes_and_are_answered_when_they_are_in_force() {
    let (server, upstream) = server();
    let mut tool = Tool::start(&upstream, &["--seed", "1"]);
    let (mut client, mut accepted) = connect(&tool, &server);
    let mut bytes = [0; 5];
    assert_eq!(tool.say("corrupt-at to-server 1 3"), "ok");
    client.write_all(b"AAAAA").unwrap();
    accepted.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes.map(|byte| byte == b'A'), [true, false, true, false, true]);
    assert_eq!(tool.say("corrupt to-server off"), "ok");
    assert_eq!(tool.say("latency both 30ms 5ms"), "ok");
    let start = Instant::now();
    client.write_all(b"BBBBB").unwrap();
    accepted.read_exact(&mut bytes).unwrap();
    accepted.write_all(b"CCCCC").unwrap();
    client.read_exact(&mut bytes).unwrap();
    assert!(start.elapsed() >= MS * 60);
    assert_eq!(tool.say("clear"), "ok");
    assert_eq!(tool.say("half-close to-server"), "ok");
    assert_eq!(accepted.read(&mut bytes).unwrap(), 0);
    let counts = tool.json("counts");
    assert_eq!(
        (&counts["connections"], &counts["open"], &counts["to-server"]),
        (
            &1.into(),
            &1.into(),
            &serde_json::json!({"bytes": 10, "corrupted": 2, "discarded": 0, "half-closed": 1})
        )
    );
    assert_eq!(tool.say("admit refuse"), "ok");
    let refused = TcpStream::connect(&tool.address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(tool.say("reset"), "ok");
    assert_eq!(client.read(&mut bytes).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(tool.say("quit"), "ok");
    assert_eq!(tool.ended(), (Some(0), String::new(), String::new()));
}

#[test]
fn every_command_sets_what_it_says() {
    let mut tool = Tool::start("127.0.0.1:1", &["bandwidth both 1000"]);
    for (command, place, value) in [
        ("latency to-server 1.5ms", "/to-server/latency-ms", "1.5"),
        ("latency to-client 0ms 1s", "/to-client/jitter-ms", "1000.0"),
        ("bandwidth to-client off", "/to-client/bandwidth", "null"),
        ("show", "/to-server/bandwidth", "1000"),
        ("split both 3 2ms", "/to-client/split-pause-ms", "2.0"),
        ("split to-server off", "/to-server/split", "null"),
        (
            "corrupt to-server 0.5 byte",
            "/to-server/corruption",
            r#"{"chance":0.5,"places":[],"flip":"byte"}"#,
        ),
        ("corrupt-at to-client 3 4", "/to-client/corruption/places", "[3,4]"),
        ("corrupt both off", "/to-client/corruption", r#"{"chance":0.0,"places":[],"flip":"bit"}"#),
        ("stall both", "/to-server/stall", "true"),
        ("resume to-server", "/to-server/stall", "false"),
        ("end-after to-server 9 half-close", "/to-server/end-after", r#"[9,"half-close"]"#),
        ("end-after to-server off", "/to-server/end-after", "null"),
        ("admit reset", "/admission", r#""reset""#),
        ("storm 0.25", "/storm", "0.25"),
        ("cut", "/storm", "0.25"),
        ("clear", "/storm", "0.0"),
        ("\t show  ", "/admission", r#""accept""#),
    ] {
        let answer = tool.say(command);
        assert!(answer == "ok" || command.trim() == "show", "{command}: {answer}");
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(tool.json("show").pointer(place), Some(&value), "{command}");
    }
    let (code, stdout, stderr) = tool.end();
    assert_eq!((code, &*stdout), (Some(0), ""));
    assert!(stderr.contains("--seed "), "{stderr}");
}

#[test]
fn wrong_commands_change_nothing_and_say_what_to_write() {
    let mut tool = Tool::start("127.0.0.1:1", &[]);
    let before = tool.json("show");
    for (command, why) in [
        ("latncy both 5ms", "error: there is no command \"latncy\"; there are latency, bandwidth, split, "),
        ("latency", "error: latency: write to-server, to-client, both after what is there"),
        ("latency up 5ms", "error: latency: write to-server, to-client, both instead of \"up\""),
        ("latency both 5", "error: latency: write a time with a unit, as in 50ms, up to 1h instead of \"5\""),
        ("latency both -1ms", "as in 50ms"),
        ("latency both 2h", "up to 1h"),
        ("latency both 1ms 1ms 1ms", "error: latency: \"1ms\" is too much; leave it out"),
        ("bandwidth both 0", "error: bandwidth: write bytes per second above 0, or off instead of \"0\""),
        ("split both", "error: split: write a number of bytes above 0, or off after what is there"),
        ("split both off 1ms", "too much"),
        ("corrupt both 1.5", "error: corrupt: write a chance from 0 to 1, or off instead of \"1.5\""),
        ("corrupt both NaN", "NaN"),
        ("corrupt both 0.5 nibble", "error: corrupt: write bit, byte instead of \"nibble\""),
        ("corrupt-at both", "error: corrupt-at: write places, counted from 0 after what is there"),
        ("corrupt-at both 1 x", "instead of \"x\""),
        ("end-after both 5", "error: end-after: write cut, reset, half-close after what is there"),
        ("admit some", "error: admit: write accept, refuse, reset instead of \"some\""),
        ("storm off", "error: storm: write a share from 0 to 1 instead of \"off\""),
        ("cut both", "error: cut: \"both\" is too much; leave it out"),
        ("half-close \u{1b}[2J", r#"instead of "\u{1b}[2J""#),
    ] {
        let answer = tool.say(command);
        assert!(answer.starts_with("error: ") && answer.contains(why), "{command}: {answer}");
    }
    assert_eq!(tool.json("show"), before);
    // It need not be there any more to read all of it.
    let _ = tool.stdin.as_mut().unwrap().write_all(&[b'x'; 1 << 17]);
    assert!(tool.line().starts_with("error: a line has more than 65536 bytes"));
    assert_eq!(tool.ended().0, Some(2), "something was wrong");
}

#[test]
fn wrong_command_lines_say_what_is_wrong() {
    let (_server, taken) = server();
    for (arguments, code, why) in [
        (vec![], 2, "fastchaos: the following required arguments were not provided"),
        (vec!["here", "127.0.0.1:1"], 2, "invalid value 'here' for '<LISTEN>'"),
        (vec!["127.0.0.1:0", "there"], 2, "write HOST:PORT, as in 127.0.0.1:2030"),
        (vec!["127.0.0.1:0", "127.0.0.1:1", "stal both"], 2, "there is no command \"stal\""),
        (vec![&*taken, "127.0.0.1:1"], 3, "cannot listen on 127.0.0.1:"),
        (
            vec!["127.0.0.1:0", "127.0.0.1:1", "--control", "/dev/null/socket"],
            3,
            "cannot listen on /dev/null/socket",
        ),
    ] {
        let output = fastchaos().args(&arguments).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(why) && stderr.starts_with("fastchaos: "), "{arguments:?}: {stderr}");
        assert_eq!((output.status.code(), output.stdout), (Some(code), vec![]), "{arguments:?}");
    }
}

#[test]
fn a_control_socket_takes_commands_from_many_and_goes_with_the_tool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let mut tool = Tool::start("127.0.0.1:1", &["--control", path.to_str().unwrap()]);
    // Standard input is no matter then.
    drop(tool.stdin.take());
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    let say = |session: &UnixStream, command: &str| {
        let mut session = session;
        writeln!(session, "{command}").unwrap();
        let mut answer = String::new();
        BufReader::new(session).read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    };
    let [first, second] = [(); 2].map(|()| UnixStream::connect(&path).unwrap());
    assert_eq!(say(&first, "storm 0.5"), "ok");
    assert!(say(&second, "show").contains(r#""storm":0.5"#));
    assert!(say(&second, "boo").starts_with("error: there is no command"));
    drop(first);
    assert_eq!(say(&second, "quit"), "ok");
    assert_eq!(tool.ended().0, Some(0));
    assert!(!path.exists());
}

#[test]
fn signals_end_it() {
    use rustix::process::{Pid, Signal, kill_process};
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 0)] {
        let (server, upstream) = server();
        let tool = Tool::start(&upstream, &[]);
        let (mut client, _accepted) = connect(&tool, &server);
        kill_process(Pid::from_child(&tool.child), signal).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(tool.ended().0, Some(code));
    }
}

/// Connections full of bytes that go nowhere, and then none.
#[test]
fn memory_is_bounded_and_descriptors_come_back() {
    const CONNECTIONS: usize = 200;
    let (server, upstream) = server();
    let mut tool = Tool::start(&upstream, &[]);
    drop(connect(&tool, &server));
    until(|| tool.json("counts")["open"] == 0);
    let (descriptors, memory) = (tool.descriptors(), tool.resident_bytes());
    assert_eq!(tool.say("latency both 1h"), "ok");
    let all: Vec<_> = (0..CONNECTIONS).map(|_| connect(&tool, &server)).collect();
    for (client, accepted) in &all {
        for mut stream in [client, accepted] {
            // More than the proxy keeps; what it does not take stays in the kernel.
            stream.set_nonblocking(true).unwrap();
            let _ = stream.write(&[1; 400_000]);
        }
    }
    until(|| tool.resident_bytes() > memory + CONNECTIONS * 150_000);
    let used = tool.resident_bytes() - memory;
    assert!(used / CONNECTIONS <= 256 << 10, "{} bytes per connection", used / CONNECTIONS);
    assert_eq!(tool.say("reset"), "ok");
    until(|| tool.json("counts")["open"] == 0);
    assert_eq!(tool.descriptors(), descriptors);
    let (code, _, _) = tool.end();
    assert_eq!(code, Some(0));
    drop(all);
}

/// The transcript in the manual: what it shows is what comes.
#[test]
fn the_manual_tells_the_truth() {
    let manual = include_str!("../../../../docs/TOOLS.md");
    let (_, section) = manual.split_once("## fastchaos").expect("the manual has a section");
    let (_, transcript) = section.split_once("```console\n$ fastchaos ").expect("it has a transcript");
    let mut lines = transcript.split_once("```").unwrap().0.lines();
    let arguments: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    let (server, upstream) = server();
    let [listen, shown] = arguments[..] else { panic!("{arguments:?}") };
    assert!(listen.ends_with(":0") && shown.contains(':'));
    let mut tool = Tool::start(&upstream, &[]);
    assert!(lines.next().unwrap().starts_with("listening 127.0.0.1:"));
    // The client that the text tells of.
    let (_client, _accepted) = connect(&tool, &server);
    until(|| tool.json("counts")["open"] == 1);
    let mut commands = 0;
    while let (Some(command), Some(answer)) = (lines.next(), lines.next()) {
        if command == "reset" {
            assert_eq!(tool.say(command), answer);
            until(|| tool.json("counts")["reset"] == 1 && tool.json("counts")["open"] == 0);
        } else {
            assert_eq!(tool.say(command), answer, "{command}");
        }
        commands += 1;
    }
    assert!(commands >= 5);
    for name in libfast_testkit::chaos::COMMANDS.lines().filter(|line| line.starts_with(char::is_lowercase)) {
        let name = name.split_whitespace().next().unwrap();
        assert!(section.contains(&format!("`{name}")), "the manual does not tell of {name}");
    }
}
