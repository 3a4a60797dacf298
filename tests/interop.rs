//! libfast against the real node-fast and rust-fast, and these against themselves where that shows what the original does.

mod interop {
    pub mod answer;
    pub mod cases;
    pub mod clients;
    mod draining;
    pub mod frames;
    pub mod libfast_server;
    pub mod limits;
    mod old_checksums;
    pub mod old_server;
    pub mod process;
    mod same_bytes;
    pub mod servers;
    pub mod table;
    pub mod tap;
    mod tools;
    mod versions;
}

use interop::cases::{Case, cases};
use interop::clients::{ClientKind, Clients};
use interop::limits::{self, Limit};
use interop::servers::{ServerKind, Servers};
use interop::table::Table;
use interop::tap::Tap;

/// Who meets whom. Of the pairs without libfast only the original with itself: it shows that what is expected here is what
/// the original does.
const PAIRS: &[(ClientKind, ServerKind)] = &[
    (ClientKind::Libfast, ServerKind::Libfast),
    (ClientKind::Libfast, ServerKind::NodeFast),
    (ClientKind::Libfast, ServerKind::RustFast),
    (ClientKind::Libfast, ServerKind::Old),
    (ClientKind::NodeFast, ServerKind::Libfast),
    (ClientKind::NodeFast, ServerKind::NodeFast),
    (ClientKind::NodeFast, ServerKind::Old),
    (ClientKind::RustFast, ServerKind::Libfast),
    (ClientKind::RustFast, ServerKind::Old),
];

#[test]
fn every_pair_agrees_in_both_versions() {
    let (mut clients, mut servers) = (Clients::start(), Servers::start());
    let (mut table, mut wrong) = (Table::new(PAIRS), Vec::new());
    for case in &cases() {
        for &pair in PAIRS {
            for version in [1, 2] {
                let cell = match meet(&mut clients, &mut servers, pair, version, case) {
                    Ok(cell) => cell,
                    Err(why) => {
                        let (client, server) = pair;
                        wrong.push(format!(
                            "{client} to {server}, version {version}, {}:\n  {why}",
                            case.name
                        ));
                        "WRONG".into()
                    }
                };
                table.set(case.name, pair, version, cell);
            }
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a case and gives what the table shows, or what went wrong.
fn meet(
    clients: &mut Clients,
    servers: &mut Servers,
    (client, server): (ClientKind, ServerKind),
    version: u8,
    case: &Case,
) -> Result<String, String> {
    if !server.has(case) || !client.can(case) || (case.half_close && server == ServerKind::NodeFast) {
        return Ok(String::new());
    }
    let limit = limits::find(client, server, version, case);
    let tap = Tap::before(&servers.address(server, case));
    let outcome = clients.run(client, &case.task(&tap.address(), version));
    let seen = tap.finish();
    if limit.as_ref().is_some_and(|limit| limit.ends_server) {
        servers.wait_for_end_of_node();
    }
    match (limit, outcome) {
        (Some(Limit { why, expected: None, .. }), Err(unsupported)) if unsupported == why => {
            Ok(format!("peer: {why}"))
        }
        (_, Err(unsupported)) => Err(format!("the client says: {unsupported}")),
        (Some(Limit { why, expected: Some(expected), .. }), Ok(outcome)) => {
            outcome.compare(&expected).map_err(|error| format!("not limited as expected: {error}"))?;
            Ok(format!("peer: {why}"))
        }
        (Some(Limit { why, expected: None, .. }), Ok(_)) => Err(format!("it works, although: {why}")),
        (None, Ok(outcome)) => {
            outcome.compare(&case.expected)?;
            seen.judge(version)?;
            Ok("ok".into())
        }
    }
}
