//! Servers of every language are restarted one after the other, by SIGTERM and the one call that drains them, while a client
//! calls on: no call is lost.

mod restarts {
    pub mod load;
    pub mod server;
}

use restarts::load::Load;
use restarts::server::{SERVERS, Server};

const SLOTS: usize = 5;
const ROUNDS: usize = 2;

#[test]
fn a_rolling_restart_by_sigterm_loses_no_call_in_any_language() {
    for (language, command) in SERVERS {
        if !Server::is_built(command) {
            println!("skipped: the server in {language} is not built");
            assert!(std::env::var_os("CI").is_none(), "in CI every language runs");
            continue;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let target = format!("dir://{}/calc", folder.path().display());
        let name = |slot, round| format!("{language} {slot}.{round}");
        let mut servers: Vec<_> =
            (0..SLOTS).map(|slot| Server::start(command, &target, &name(slot, 0))).collect();
        let load = Load::start(&target);
        (0..SLOTS).for_each(|slot| load.until_answered_by(&name(slot, 0)));
        for round in 1..=ROUNDS {
            for (slot, server) in servers.iter_mut().enumerate() {
                server.stop_by_sigterm();
                *server = Server::start(command, &target, &name(slot, round));
                load.until_answered_by(&name(slot, round));
            }
        }
        let (answered, failed) = load.end();
        assert!(failed.is_empty(), "{language}: {} of {answered} calls failed: {failed:?}", failed.len());
        println!("{language:<7} {} restarts, {answered} calls, none lost", ROUNDS * SLOTS);
    }
}
