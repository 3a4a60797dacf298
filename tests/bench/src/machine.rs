//! Where the results are from.

use serde_json::{Map, Value, json};

/// The machine, as it is before anything is measured.
pub fn machine() -> Map<String, Value> {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let members = [
        ("cpu", json!(value_of("/proc/cpuinfo", "model name"))),
        ("cpus", std::thread::available_parallelism().map_or(0, usize::from).into()),
        ("memory", json!(value_of("/proc/meminfo", "MemTotal"))),
        ("system", text(system.sysname()).into()),
        ("release", text(system.release()).into()),
        ("machine", text(system.machine()).into()),
        // Of the last minute: others that load the machine make all of it worth little.
        ("load", json!(load.as_ref().and_then(|load| load.split_whitespace().next()))),
    ];
    members.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn value_of(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().into())
}
