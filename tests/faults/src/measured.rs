//! When, where and of what a row was measured.

use serde::{Deserialize, Serialize};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the figures of a row depend on besides the row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// The commit, with a `+` if there were changes.
    pub commit: String,
    /// Whether it was the long form.
    pub is_long: bool,
    /// The system and the number of CPUs.
    pub machine: String,
    /// Load of the last minute, before it was run; `None` if the system does not tell.
    pub load: Option<f64>,
}

impl Measured {
    /// Of a row that is run now.
    pub fn now(is_long: bool) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        let system = rustix::system::uname();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let [name, release] =
            [system.sysname(), system.release()].map(|part| part.to_string_lossy().into_owned());
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            started_ms: started.map_or(0, |since| since.as_millis() as u64),
            commit: commit().unwrap_or_else(|| "unknown".into()),
            is_long,
            machine: format!("{name} {release}, {cpus} CPUs"),
            load: load.split_whitespace().next().and_then(|load| load.parse().ok()),
        }
    }
}

/// The commit of the sources, if they are there and git is. Results that were written before are in `docs`.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()
    };
    let output = git(&["rev-parse", "--short", "HEAD"]).filter(|output| output.status.success())?;
    let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let unchanged = git(&["diff", "--quiet", "HEAD", "--", ":/", ":(top,exclude)docs"])?;
    Some(if unchanged.status.success() { commit } else { commit + "+" })
}
