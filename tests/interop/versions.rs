//! Requests of both versions on one connection: each must be answered in its own.

use super::frames::Frames;
use super::process::{Process, node, rust_fast, tool};
use super::servers::listening;
use libfast_protocol::{Status, Version};

/// Sends echoes of alternating versions and gives the versions of their answers by id; `None` if the server ends the
/// connection before.
fn ask(address: &str) -> Option<Vec<(u32, Version, Status)>> {
    let mut frames = Frames::connect(address);
    for id in 1..=20 {
        let version = if id % 2 == 0 { Version::V2 } else { Version::V1 };
        frames.send(version, Status::Data, id, r#"{"m":{"uts":1,"name":"echo"},"d":["é😀"]}"#);
    }
    let mut answers: Vec<_> = (0..40)
        .map(|_| frames.next().map(|frame| (frame.msgid, frame.version, frame.status)))
        .collect::<Option<_>>()?;
    // Calls may pass each other, frames of one call may not.
    answers.sort_by_key(|(id, ..)| *id);
    Some(answers)
}

fn alternating() -> Vec<(u32, Version, Status)> {
    let version = |id| if id % 2 == 0 { Version::V2 } else { Version::V1 };
    (1..=20).flat_map(|id| [Status::Data, Status::End].map(|status| (id, version(id), status))).collect()
}

#[test]
fn versions_may_mix_on_one_connection() {
    let mut fastserve = Process::start(tool("fastserve").args(["-p", "0"]));
    let line = fastserve.line();
    assert_eq!(ask(line.split_whitespace().nth(3).expect("an address")), Some(alternating()), "libfast");
    let mut node = Process::start(&mut node("server.js"));
    assert_eq!(ask(&listening(&mut node)), Some(alternating()), "node-fast");
    // It takes every frame for version 2, and ends the connection over the first checksum that is not.
    let mut rust = Process::start(&mut rust_fast("server"));
    assert_eq!(ask(&listening(&mut rust)), None, "rust-fast");
}
