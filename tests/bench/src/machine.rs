//! Where the results are from.

use serde_json::{Value, json};
use std::process::Command;

/// The machine.
pub fn machine() -> Value {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    json!({
        "cpu": value_of("/proc/cpuinfo", "model name"),
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": value_of("/proc/meminfo", "MemTotal"),
        "system": text(system.sysname()),
        "release": text(system.release()),
        "machine": text(system.machine()),
    })
}

/// What the contenders were built with and run on; null for what is not installed.
pub fn versions() -> Value {
    let python = crate::contender::root().join(".build/venv/bin/python").display().to_string();
    json!({
        "libfast": env!("CARGO_PKG_VERSION"),
        "commit": first_line("git", &["describe", "--always", "--dirty"]),
        "rustc": first_line("rustc", &["--version"]),
        "cc": first_line("cc", &["--version"]),
        "python": first_line(&python, &["--version"]),
        "node": first_line("node", &["--version"]),
        "php": first_line("php", &["--version"]),
    })
}

fn value_of(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().into())
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(crate::contender::root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).lines().next().map(Into::into))?
}
