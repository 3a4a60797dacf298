//! What the numbers have to be.

use crate::Running;
use crate::report::Row;

const CALLS: u64 = 1000;

/// What every client must show.
pub fn calls(client: &str, row: &Row) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |right: bool, what: String| {
        if !right {
            wrong.push(format!("{client}: {what}"));
        }
    };
    must(row.ok == CALLS, format!("{} of {CALLS} calls succeeded", row.ok));
    must(row.failed == 0, format!("{} failed or had wrong answers", row.failed));
    must(row.values == CALLS, format!("{} of {CALLS} values were streamed", row.values));
    must(row.error == "FAST_E_REMOTE CalcError", format!("the expected error was {:?}", row.error));
    must(row.timeout == "FAST_E_TIMEOUT", format!("the timeout was {:?}", row.timeout));
    must(row.servers.values().sum::<u64>() == row.ok, "the shares do not add up".into());
    wrong
}

/// What a client must show while no server comes or goes: all that, and even shares.
pub fn steady(client: &str, row: &Row, servers: &[Running]) -> Vec<String> {
    let mut wrong = calls(client, row);
    let fair = CALLS / servers.len() as u64;
    for server in servers {
        let share = row.servers.get(&server.name).copied().unwrap_or_default();
        if share.abs_diff(fair) > 1 {
            wrong.push(format!("{client}: {} answered {share} calls instead of {fair}", server.name));
        }
    }
    wrong
}
