//! node-fast 2.8, which knew only version 1 and two checksums for it, against the option `checksum_v1`.

use super::cases::{Call, Task};
use super::clients::{ask, run_libfast};
use super::libfast_server::LibfastServer;
use super::process::{Process, node};
use super::servers::listening;
use libfast::{ChecksumV1, ClientOptions, ServerOptions};

/// Text on which the two checksums, and the two ways of taking the first, differ.
const TEXT: &str = r#"["é€😀","plain"]"#;

fn task(address: String) -> Task {
    let call = Call { method: "echo".into(), args: TEXT.into(), ..Call::default() };
    Task { address, version: 1, calls: vec![call.clone()], then: vec![call], half_close: false }
}

fn works(answers: &[super::answer::Answer]) -> bool {
    answers.iter().all(|answer| answer.error.is_none() && answer.values.len() == 2)
}

#[test]
fn old_servers_are_called_with_the_checksum_that_they_take() {
    use ChecksumV1::{Arc, Xmodem};
    for (mode, checksum, expected) in [
        ("FAST_CHECKSUM_V1", Xmodem, true),
        ("FAST_CHECKSUM_V1", Arc, false),
        ("FAST_CHECKSUM_V1_V2", Xmodem, true),
        ("FAST_CHECKSUM_V1_V2", Arc, true),
        ("FAST_CHECKSUM_V2", Xmodem, false),
        ("FAST_CHECKSUM_V2", Arc, true),
    ] {
        // What it refuses ends its process.
        let mut server =
            Process::start(node("server.js").args(["fast-2.8", mode]).stderr(std::process::Stdio::null()));
        let mut options = ClientOptions::default();
        options.wire_version = 1;
        options.checksum_v1 = checksum;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let outcome = runtime.block_on(run_libfast(&task(listening(&mut server)), options));
        assert_eq!(works(&outcome.answers), expected, "{checksum:?} to {mode}: {outcome:?}");
    }
}

#[test]
fn old_clients_are_answered_with_the_checksum_that_they_use() {
    use ChecksumV1::{Arc, Either, Xmodem};
    for (mode, checksum, expected) in [
        ("FAST_CHECKSUM_V1", Xmodem, true),
        ("FAST_CHECKSUM_V1", Arc, false),
        ("FAST_CHECKSUM_V1", Either, true),
        ("FAST_CHECKSUM_V2", Xmodem, false),
        ("FAST_CHECKSUM_V2", Arc, true),
        ("FAST_CHECKSUM_V2", Either, true),
    ] {
        let mut options = ServerOptions::default();
        options.checksum_v1 = checksum;
        let server = LibfastServer::with(options);
        let mut client = Process::start(node("client.js").args(["fast-2.8", mode]));
        let outcome = ask(&mut client, &task(server.address())).expect("it can do that");
        assert_eq!(works(&outcome.answers), expected, "{mode} to {checksum:?}: {outcome:?}");
    }
}
