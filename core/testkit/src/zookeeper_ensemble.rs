//! Several ZooKeeper servers that are one.

use crate::chaos::Admission;
use crate::zookeeper::{STARTS, free_port};
use crate::{ChaosProxy, Unavailable, ZooKeeper, ZooKeeperSettings, zookeeper_jars};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Longest wait for servers to agree on a leader.
const ELECTION_LIMIT: Duration = Duration::from_secs(30);

impl ZooKeeperSettings {
    /// Starts an ensemble of that many servers and waits until all of them serve.
    pub fn start_ensemble(&self, count: usize) -> Result<ZooKeeperEnsemble, Unavailable> {
        let mut failure = None;
        for _ in 0..STARTS {
            let mut ensemble = ZooKeeperEnsemble { members: Vec::new(), runtime: Background::new()? };
            ensemble.members = self.members(count, &ensemble.runtime)?;
            match ensemble.restart_all() {
                Err(error @ Unavailable::NoAnswer(_)) => failure = Some(error),
                Err(error) => return Err(error),
                Ok(()) => return Ok(ensemble),
            }
        }
        Err(failure.unwrap_or_else(|| Unavailable::NoAnswer("it was never started".into())))
    }

    fn members(&self, count: usize, runtime: &Background) -> Result<Vec<Member>, Unavailable> {
        let _within = runtime.0.as_ref().map(Runtime::enter);
        let mut ports = Vec::new();
        while ports.len() < 3 * count {
            let port = free_port()?;
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        let (clients, peers) = ports.split_at(count);
        let mut settings = self.clone();
        settings.config.extend(["initLimit=20".into(), "syncLimit=6".into()]);
        for (id, peer) in (1..).zip(peers.chunks(2)) {
            settings.config.push(format!("server.{id}=127.0.0.1:{}:{}", peer[0], peer[1]));
        }
        let class_path = zookeeper_jars::class_path()?;
        let member = |(id, port): (usize, &u16)| {
            let server = ZooKeeper::on_port(*port, &settings, class_path.clone())?.numbered(id);
            let proxy = ChaosProxy::start(server.connect_string())?;
            Ok(Member { server, proxy })
        };
        (1..).zip(clients).map(member).collect()
    }
}

/// A running ensemble on 127.0.0.1, by the numbers of its members, from 0. Dropping it kills all of them.
///
/// Clients reach each member through a [`ChaosProxy`] of its own, so that they can lose it while it lives.
pub struct ZooKeeperEnsemble {
    members: Vec<Member>,
    runtime: Background,
}

/// Runs the proxies. It may be dropped within another runtime, where waiting for its end is not allowed.
struct Background(Option<Runtime>);

struct Member {
    server: ZooKeeper,
    proxy: ChaosProxy,
}

impl ZooKeeperEnsemble {
    /// Starts three servers with the default settings and waits until all of them serve. Blocks.
    pub fn start() -> Result<Self, Unavailable> {
        ZooKeeperSettings::default().start_ensemble(3)
    }

    /// How many members it has, dead ones included.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// `127.0.0.1:port,…` of the proxies of all members.
    pub fn connect_string(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(|member| member.proxy.address().to_string()).collect();
        hosts.join(",")
    }

    /// `127.0.0.1:port,…` of all members themselves, for clients that are never cut off.
    pub fn direct_connect_string(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(|member| member.server.connect_string()).collect();
        hosts.join(",")
    }

    /// The server itself, to ask it something.
    pub fn server(&self, member: usize) -> &ZooKeeper {
        &self.members[member].server
    }

    /// The proxy before it, for other faults than the ones below.
    pub fn proxy(&self, member: usize) -> &ChaosProxy {
        &self.members[member].proxy
    }

    /// The member that leads at present, if there is one.
    pub fn leader(&self) -> Option<usize> {
        let leads = |member: &Member| member.server.mode().is_some_and(|mode| mode != "follower");
        self.members.iter().position(leads)
    }

    /// Waits until a member leads. Blocks.
    pub fn wait_for_leader(&self) -> Result<usize, Unavailable> {
        let limit = Instant::now() + ELECTION_LIMIT;
        loop {
            if let Some(leader) = self.leader() {
                return Ok(leader);
            }
            if Instant::now() > limit {
                return Err(Unavailable::NoAnswer("no member leads".into()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills a member at once, as a crash does. Its data stays.
    pub fn kill(&mut self, member: usize) {
        self.members[member].server.kill();
    }

    /// Kills all of them.
    pub fn kill_all(&mut self) {
        self.members.iter_mut().for_each(|member| member.server.kill());
    }

    /// Starts a member again, after killing it if it runs, with its data; waits until it serves, which takes a majority.
    pub fn restart(&mut self, member: usize) -> Result<(), Unavailable> {
        self.members[member].server.restart()
    }

    /// Starts all again, after killing those that run; waits until all serve.
    pub fn restart_all(&mut self) -> Result<(), Unavailable> {
        self.kill_all();
        self.members.iter_mut().try_for_each(|member| member.server.launch())?;
        self.members.iter_mut().try_for_each(|member| member.server.wait())
    }

    /// Stops a member where it stands, with SIGSTOP: connections stay open and nothing answers.
    pub fn freeze(&mut self, member: usize) {
        self.members[member].server.stop_process();
    }

    /// Lets a frozen member go on.
    pub fn thaw(&mut self, member: usize) {
        self.members[member].server.cont_process();
    }

    /// Cuts a member off from clients: their connections are reset, and new ones refused. The ensemble notices nothing.
    pub fn cut(&self, member: usize) {
        let proxy = &self.members[member].proxy;
        proxy.change(|plan| plan.admission = Admission::Refuse);
        proxy.reset();
    }

    /// The network between clients and a member is gone: nothing passes, and nobody is told.
    pub fn stall(&self, member: usize) {
        self.members[member].proxy.change(|plan| {
            (plan.to_server.stall, plan.to_client.stall) = (true, true);
        });
    }

    /// Ends what [`cut`](Self::cut) or [`stall`](Self::stall) began.
    pub fn mend(&self, member: usize) {
        self.members[member].proxy.clear();
    }
}

impl Background {
    fn new() -> std::io::Result<Self> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map(|r| Self(Some(r)))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
