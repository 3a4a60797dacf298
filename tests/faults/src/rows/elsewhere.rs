//! Rows that something else runs, or that wait for something.

use crate::report::{Report, Trouble};
use crate::rig::Rig;
use std::process::Command;

/// Broken frames and strangers, which `tests/hostile` throws at a server.
pub fn garbage(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    if !rig.is_long {
        return Err(Trouble::Skipped("tests/hostile runs in `make test` by itself".into()));
    }
    let arguments = ["test", "--quiet", "--workspace", "--test", "hostile", "--", "--nocapture"];
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let test = Command::new("cargo").args(arguments).current_dir(root).output();
    let test = test.map_err(|error| Trouble::Skipped(format!("tests/hostile needs cargo: {error}")))?;
    let text = String::from_utf8_lossy(&test.stdout);
    if text.contains("skipped: hostile") {
        return Err(Trouble::Skipped("tests/hostile needs fastserve (make tools)".into()));
    }
    let number = |after: &str| {
        let line = text.lines().find(|line| line.contains(after))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    for what in ["changed frames", "connections of strangers", "calls of good clients"] {
        report.figure(what, number(what).unwrap_or(f64::NAN), "");
    }
    report.figure("server lives and harmed no other", f64::from(test.status.success()), "").at_least(1.0);
    Ok(())
}

/// There is nothing to stand in the path.
pub fn proxy(_: &Rig, _: &mut Report) -> Result<(), Trouble> {
    Err(Trouble::Skipped("libfast has no cluster proxy yet".into()))
}
