//! `fastserve --exec`: what a command gets, what becomes of what it prints, and when it dies.

use super::support::*;
use libfast::{Client, Error, ErrorKind};
use rustix::process::Signal;
use std::os::unix::net::UnixStream;
use std::path::Path;

fn serve(commands: &[&str]) -> Fastserve {
    let args: Vec<_> = commands.iter().flat_map(|command| ["--exec", command]).collect();
    Fastserve::start(&args)
}

/// The texts of the values, and the error if there is one.
async fn ask(client: &Client, method: &str, args: &str) -> (Vec<String>, Option<Error>) {
    let mut call = client.start(method, args.to_owned().into(), client.call_options());
    let mut values = Vec::new();
    while let Some(value) = call.next().await {
        match value {
            Ok(value) => values.push(value.text().to_owned()),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

/// Name, message and info of an error of the server.
fn told(error: Option<Error>) -> [String; 3] {
    let remote = error.unwrap().remote().unwrap().clone();
    [remote.name, remote.message, remote.info]
}

#[tokio::test]
async fn arguments_go_in_and_lines_come_out() {
    let server =
        serve(&["cat=cat", "lines=printf '{\"a\": 1}\\n\\nplain \"text\"\\nnull\\n 1.50 \\r\\nlast'"]);
    let client = client(server.address());
    assert!(server.line.ends_with(" words cat lines\n"), "{}", server.line);
    let (values, error) = ask(&client, "cat", r#"[1,{"x":"é; touch /tmp/no"}]"#).await;
    assert!(error.is_none() && values == [r#"[1,{"x":"é; touch /tmp/no"}]"#], "{values:?} {error:?}");
    let (values, error) = ask(&client, "lines", "[]").await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(values, [r#"{"a": 1}"#, r#""plain \"text\"""#, "1.50", r#""last""#]);
}

/// Both sides of the command are full at some time if they are not served at the same time.
#[tokio::test]
async fn large_arguments_pass_through_and_need_not_be_read() {
    let server = serve(&["fold=fold -w 1000", "deaf=echo 1"]);
    let client = client(server.address());
    let args = format!("[\"{}\"]", "x".repeat(3_000_000));
    let (values, error) = ask(&client, "fold", &args).await;
    assert!(error.is_none() && values.len() > 3_000, "{} {error:?}", values.len());
    let (values, error) = ask(&client, "deaf", &args).await;
    assert!(error.is_none() && values == ["1"], "{values:?} {error:?}");
}

#[tokio::test]
async fn values_come_while_the_command_runs() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let server = serve(&[&format!("wait=echo 1; cat {}", pipe.display())]);
    let client = client(server.address());
    let mut call = client.stream("wait", Vec::<u8>::new());
    assert_eq!(call.next().await.unwrap().unwrap().text(), "1");
    std::fs::write(&pipe, "2\n").unwrap();
    assert_eq!(call.next().await.unwrap().unwrap().text(), "2");
    assert!(call.next().await.is_none());
}

#[tokio::test]
async fn a_command_that_fails_is_an_error_in_its_own_words() {
    let long = "long=head -c 1048577 /dev/zero | tr '\\0' x";
    let server = serve(&[
        "fails=echo 1; echo one >&2; echo two >&2; exit 3",
        "mute=exit 4",
        "shot=kill -TERM $$",
        "nix=/no/such/program",
        long,
    ]);
    let client = client(server.address());
    let (values, error) = ask(&client, "fails", "[]").await;
    assert_eq!(values, ["1"]);
    assert_eq!(told(error), ["ExecError", "two", r#"{"status":3}"#]);
    let (_, error) = ask(&client, "mute", "[]").await;
    assert_eq!(told(error), ["ExecError", "exit status: 4", r#"{"status":4}"#]);
    let (_, error) = ask(&client, "shot", "[]").await;
    let [name, message, info] = told(error);
    assert_eq!((name.as_str(), info.as_str()), ("ExecError", r#"{"status":null,"signal":15}"#));
    assert!(message.contains("15"), "{message}");
    let [_, message, info] = told(ask(&client, "nix", "[]").await.1);
    assert!(message.contains("/no/such/program") && info == r#"{"status":127}"#, "{message}");
    let (values, error) = ask(&client, "long", "[]").await;
    let message = "the command failed: a line of its output has more than 1048576 bytes";
    assert_eq!((values, told(error)[1].as_str()), (vec![], message));
    // Nothing of this has hurt the server.
    assert_eq!(ask(&client, "echo", "[1]").await.0, [r#"{"value":1}"#]);
}

/// The number of a process that the command started, which it prints first.
async fn first_number(call: &mut libfast::Call) -> u32 {
    call.next().await.unwrap().unwrap().parse().unwrap()
}

/// A process that has ended but was not waited for counts as gone.
fn is_gone(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.is_empty() || stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z"))
}

/// A server on a Unix socket, where it shows at once that a client is gone; on TCP it shows when something is sent to it.
fn serve_hanging(folder: &Path) -> Fastserve {
    let listen = format!("unix:{}/s", folder.display());
    let args = ["--listen", &listen, "--exec", "hang=sleep 600 & echo $!; wait"];
    Fastserve::of(start(tool("fastserve").args(args)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_started_dies_with_the_connection_of_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_hanging(folder.path());
    let client = client(server.address());
    let mut call = client.stream("hang", Vec::<u8>::new());
    let id = first_number(&mut call).await;
    assert!(!is_gone(id));
    drop(call);
    drop(client);
    until("the command is killed", || is_gone(id).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_started_dies_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve_hanging(folder.path());
    let client = client(server.address());
    let mut call = client.stream("hang", Vec::<u8>::new());
    let id = first_number(&mut call).await;
    server.signal(Signal::TERM);
    until("a stopping server refuses connections", || {
        UnixStream::connect(server.address().strip_prefix("unix:").unwrap()).err()
    });
    server.signal(Signal::TERM);
    assert_eq!(server.finish().code(), 130);
    until("the command is killed", || is_gone(id).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_more_than_allowed_is_refused() {
    let server = Fastserve::start(&["--exec", "hang=echo 1; exec sleep 600", "--exec-limit", "1"]);
    let client = client(server.address());
    let mut call = client.stream("hang", Vec::<u8>::new());
    call.next().await.unwrap().unwrap();
    let (_, error) = ask(&client, "hang", "[]").await;
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Overload);
    assert!(error.message().contains("1 commands run already"), "{error}");
    drop(call);
}

/// Bytes that a process has written.
fn written(id: u32) -> u64 {
    let counters = std::fs::read_to_string(format!("/proc/{id}/io")).unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.unwrap().parse().unwrap()
}

/// A command without end comes to rest when nobody takes its values, and goes on when somebody does.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_caller_slows_the_command() {
    let server = serve(&["count=echo $$; exec seq 100000000"]);
    let client = client(server.address());
    let mut call = client.stream("count", Vec::<u8>::new());
    let id = first_number(&mut call).await;
    let (mut before, mut looks) = (0, 0);
    // What is taken for rest too early does not make the test fail; a command that never rests does.
    while looks < 10 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = written(id);
        assert!(now < 64 << 20, "it prints on and on");
        looks = if now == before { looks + 1 } else { 0 };
        before = now;
    }
    while written(id) == before {
        call.next().await.unwrap().unwrap();
    }
}
