//! Entries of other fleets while the replies of ZooKeeper do not come: one stays one, and none stays behind.

mod support;

use libfast_registry::{Announcement, Announcer, Change, Role};
use libfast_testkit::{ChaosProxy, ZooKeeper, ZooKeeperSettings};
use libfast_zookeeper::ZooKeeperRegistry;
use std::time::Duration;
use support::nodes::{texts, until_texts};
use support::{LIMIT, ROOT, announced, is_registered, is_suspended, raw, record, service, until_state};
use zookeeper_client::Client;

const SESSION: Duration = Duration::from_secs(10);
/// Nodes of the one are named by ZooKeeper, of the other by us.
const LAYOUTS: [&str; 2] = ["serverset", "curator"];
const ROUNDS: u32 = 5;

/// A registry whose session somebody else needs, too, and the folder of the service in question.
struct Fleet {
    /// Behind the proxy.
    _server: ZooKeeper,
    proxy: ChaosProxy,
    registry: ZooKeeperRegistry,
    keeper: Announcement,
    /// Not through the proxy.
    client: Client,
    folder: String,
}

impl Fleet {
    async fn start(layout: &str) -> Self {
        let server = ZooKeeper::start().unwrap();
        let proxy = ChaosProxy::start(server.connect_string()).unwrap();
        let (hosts, layouts) = ([proxy.address().to_string()], format!("{layout}:/others"));
        let registry = ZooKeeperRegistry::open_in(&hosts, ROOT, &layouts, SESSION).unwrap();
        let keeper = announced(&registry, "keeper", 1).await;
        let client = raw(&server).await;
        let fleet = Self { _server: server, proxy, registry, keeper, client, folder: "/others/calc".into() };
        // Makes the folder.
        let first = fleet.announce();
        first.registered().await.unwrap();
        first.withdraw().await;
        fleet
    }

    fn announce(&self) -> Announcement {
        self.registry.announce(&service("calc"), Role::Provider, record(2030))
    }

    /// From now on ZooKeeper hears, and is not heard.
    fn stall(&self) {
        self.proxy.change(|plan| plan.to_client.stall = true);
    }

    /// Waits until ZooKeeper is asked for something more than the `sent` bytes, or it is `over`.
    async fn until_asked(&self, sent: u64, over: impl Fn() -> bool) {
        let asked = async {
            while self.sent() == sent && !over() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LIMIT, asked).await.unwrap();
    }

    fn sent(&self) -> u64 {
        self.proxy.counts().to_server.bytes
    }

    /// The connection breaks, and what ZooKeeper has said is lost; then all is well.
    async fn lose(&self) {
        self.proxy.reset();
        until_state(&self.keeper, is_suspended).await;
        self.proxy.clear();
    }

    async fn names(&self) -> Vec<String> {
        texts(&self.client, &self.folder).await.into_iter().map(|(name, _)| name).collect()
    }

    /// Changes it, which ZooKeeper does, and is not heard.
    async fn change_unheard(&self, entry: &Announcement) -> Change {
        let before = self.names().await;
        // Several replies are needed before it is asked to do so.
        self.proxy.change(|plan| plan.to_client.latency = Duration::from_secs(1));
        let change = entry.change(|record| record.started_ms += 1);
        let is_made = |found: &[(String, String)]| found.iter().any(|(name, _)| !before.contains(name));
        until_texts(&self.client, &self.folder, is_made).await;
        self.stall();
        change
    }

    /// Withdraws it while nothing is heard, which is over when that is under way.
    async fn withdraw_unheard(&self, entry: Announcement) {
        let sent = self.sent();
        let withdrawn = tokio::spawn(entry.withdraw());
        self.until_asked(sent, || withdrawn.is_finished()).await;
        self.proxy.clear();
        tokio::time::timeout(LIMIT, withdrawn).await.unwrap().unwrap();
        until_texts(&self.client, &self.folder, <[_]>::is_empty).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_while_a_change_hangs_leaves_nothing_behind() {
    for layout in LAYOUTS {
        let fleet = Fleet::start(layout).await;
        let entry = fleet.announce();
        entry.registered().await.unwrap();
        let _change = fleet.change_unheard(&entry).await;
        fleet.withdraw_unheard(entry).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_before_it_heard_that_it_is_listed_leaves_nothing_behind() {
    for layout in LAYOUTS {
        let fleet = Fleet::start(layout).await;
        fleet.stall();
        let entry = fleet.announce();
        until_texts(&fleet.client, &fleet.folder, |found| found.len() == 1).await;
        fleet.withdraw_unheard(entry).await;
    }
}

/// What is not known is found, and not made again.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_reply_was_lost_is_not_doubled() {
    for layout in LAYOUTS {
        let fleet = Fleet::start(layout).await;
        for round in 0..ROUNDS {
            fleet.stall();
            let entry = fleet.announce();
            let made = until_texts(&fleet.client, &fleet.folder, |found| found.len() == 1).await;
            fleet.lose().await;
            until_state(&entry, is_registered).await;
            assert_eq!(fleet.names().await, [made[0].0.clone()], "{layout}, round {round}");
            until_state(&fleet.keeper, is_registered).await;
            entry.withdraw().await;
            assert_eq!(fleet.names().await.len(), 0, "{layout}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_reply_was_lost_leaves_one_entry() {
    for layout in LAYOUTS {
        let fleet = Fleet::start(layout).await;
        let entry = fleet.announce();
        entry.registered().await.unwrap();
        for round in 0..ROUNDS {
            let change = fleet.change_unheard(&entry).await;
            let made = fleet.names().await;
            fleet.lose().await;
            tokio::time::timeout(LIMIT, change).await.unwrap().unwrap();
            assert_eq!(fleet.names().await, made, "{layout}, round {round}");
            assert_eq!(made.len(), 1, "{layout}, round {round}");
            until_state(&fleet.keeper, is_registered).await;
        }
    }
}

/// Waits until a server has a request that it does not answer.
async fn until_unanswered(server: &ZooKeeper) {
    // A ping is one, too, for a moment.
    for _ in 0..10 {
        until_told(server, "srvr", "Outstanding: ", 1).await;
    }
}

/// The changes that a leader has put to the others, whether or not they took them.
async fn until_proposed(leader: &ZooKeeper, count: u64) -> u64 {
    until_told(leader, "mntr", "zk_proposal_count\t", count).await
}

async fn until_told(server: &ZooKeeper, word: &str, name: &str, least: u64) -> u64 {
    let waiting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let told = server.ask(word).unwrap_or_default();
            let number = told.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            if let Some(number) = number.filter(|number| *number >= least) {
                return number;
            }
        }
    };
    match tokio::time::timeout(LIMIT, waiting).await {
        Ok(number) => number,
        Err(_) => panic!("{name} {least}: {:?}", server.ask(word)),
    }
}

/// What was asked for can be under way still when the session is taken up again at another server, which does not know it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_made_after_the_reconnect_leaves_one_entry() {
    // A leader waits that long for the others. The last of them has no vote.
    let mut settings = ZooKeeperSettings { tick: Duration::from_secs(2), ..ZooKeeperSettings::default() };
    settings.config = ["group.1=1:2:3", "weight.1=1", "weight.2=1", "weight.3=0"].map(String::from).into();
    let mut ensemble = settings.start_ensemble(3).unwrap();
    let leader = ensemble.wait_for_leader().unwrap();
    let (first, last) = (1 - leader, 2);
    let hosts = [first, last].map(|member| ensemble.proxy(member).address().to_string());
    for layout in LAYOUTS {
        ensemble.cut(last);
        let registry =
            ZooKeeperRegistry::open_in(&hosts, ROOT, &format!("{layout}:/{layout}"), SESSION).unwrap();
        let entry = announced(&registry, "calc", 2030).await;
        let before = until_proposed(ensemble.server(leader), 0).await;

        // The first passes it on to the leader, who then waits for its vote.
        ensemble.freeze(leader);
        let change = entry.change(|record| record.started_ms += 1);
        until_unanswered(ensemble.server(first)).await;
        ensemble.freeze(first);
        ensemble.thaw(leader);
        until_proposed(ensemble.server(leader), before + 1).await;
        ensemble.cut(first);
        ensemble.mend(last);
        until_state(&entry, is_suspended).await;
        until_unanswered(ensemble.server(last)).await;
        ensemble.thaw(first);

        tokio::time::timeout(LIMIT, change).await.unwrap().unwrap();
        let client = raw(ensemble.server(leader)).await;
        let folder = format!("/{layout}/calc");
        let found = texts(&client, &folder).await;
        assert_eq!(found.len(), 1, "{layout}: {found:?}");
        entry.withdraw().await;
        assert_eq!(texts(&client, &folder).await, [], "{layout}");
        ensemble.mend(first);
    }
}
