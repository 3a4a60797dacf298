//! Many clients learn at once that many services changed.

use super::zookeeper::ensemble;
use crate::clock::pass;
use crate::ledger::quantile_of;
use crate::report::{Report, Trouble};
use crate::rig::{Rig, wait_until};
use libfast::{Record, ServiceName};
use libfast_registry::{Announcement, Announcer, Resolution, Resolver, Role, Watch};
use libfast_testkit::ZooKeeperEnsemble;
use libfast_zookeeper::ZooKeeperRegistry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients with a session each watch all services; each service's one server goes and another comes.
pub fn run(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let (clients, services) = rig.choose((200, 50), (20, 5));
    let ensemble = ensemble(rig)?;
    let hosts: Vec<_> = ensemble.direct_connect_string().split(',').map(str::to_owned).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    let _within = runtime.enter();
    let open = || ZooKeeperRegistry::open(&hosts, "/herd", Duration::from_secs(10));
    let names: Vec<ServiceName> = (0..services).filter_map(|n| format!("service-{n}").parse().ok()).collect();
    let announcer = open();
    let announce = |name: &ServiceName, port: usize| -> Announcement {
        let record = Record { address: format!("10.0.0.1:{port}"), ..Record::of_this_process("herd") };
        announcer.announce(name, Role::Provider, record)
    };
    let listed = |entries: &[Announcement]| {
        runtime.block_on(async {
            for entry in entries {
                entry.registered().await.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        })
    };
    let mut entries: Vec<_> = names.iter().map(|name| announce(name, 1)).collect();
    listed(&entries)?;
    let registries: Vec<_> = (0..clients).map(|_| open()).collect();
    let watches: Vec<Watch> =
        registries.iter().flat_map(|registry| names.iter().map(|name| registry.watch(name))).collect();
    let all_see = |port: usize| watches.iter().all(|watch| sees(watch, port));
    wait_until("all watch", || Ok(all_see(1)))?;
    pass(rig.choose(5.0, 1.0));

    let before = packets(&ensemble);
    let took = Arc::new(Mutex::new(Vec::new()));
    let asking = runtime.spawn(ask(open(), names[0].clone(), took.clone()));
    let begun = Instant::now();
    for (name, entry) in names.iter().zip(&mut entries) {
        let next = announce(name, 2);
        listed(std::slice::from_ref(&next))?;
        runtime.block_on(std::mem::replace(entry, next).withdraw());
    }
    let rolled = begun.elapsed().as_secs_f64();
    wait_until("all see the change", || Ok(all_see(2)))?;
    let converged = begun.elapsed().as_secs_f64() - rolled;
    report.figure("services changed in", rolled, "s");
    report.figure("all clients right after", converged, "s").at_most(2.0).in_test(20.0);
    asking.abort();
    let p99 = quantile_of(&mut took.lock().unwrap_or_else(PoisonError::into_inner), 0.99);
    report.figure("p99 of a request to ZooKeeper meanwhile", p99, "ms").at_most(250.0);
    // Of a change: the watch that fires, a listing and a reading, each with its answer, and the decisions of operators.
    let per_watch = (packets(&ensemble) - before) / (clients * services) as f64;
    report.figure("packets per client and service", per_watch, "").at_most(20.0).always();
    Ok(())
}

fn sees(watch: &Watch, port: usize) -> bool {
    let Resolution::Bound(providers) = watch.current() else { return false };
    providers.len() == 1 && providers[0].endpoint.address.to_string() == format!("10.0.0.1:{port}")
}

/// Asks for something all the time, and notes how long each answer takes, in ms.
async fn ask(registry: ZooKeeperRegistry, name: ServiceName, took: Arc<Mutex<Vec<f64>>>) {
    loop {
        let begun = Instant::now();
        if registry.knows(&name).await.is_ok() {
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            took.lock().unwrap_or_else(PoisonError::into_inner).push(ms);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many requests all members got so far.
fn packets(ensemble: &ZooKeeperEnsemble) -> f64 {
    let of = |member: usize| {
        let answer = ensemble.server(member).ask("mntr").unwrap_or_default();
        let line = answer.lines().find_map(|line| line.strip_prefix("zk_packets_received"));
        line.and_then(|number| number.trim().parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    (0..ensemble.size()).map(of).sum()
}
