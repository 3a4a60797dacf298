//! Clients that call servers, on simulated time.

use super::records::{End, Record, Records};
use super::server::{Fault, Server, Service};
use super::{MS, SECOND};
use libfast_balance::{BalanceOptions, Balancer, Moment, Outcome, Pick, Standing};
use libfast_model::{Endpoint, Policy};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What a run consists of.
pub struct Setup {
    pub options: BalanceOptions,
    pub clients: usize,
    /// Calls per second of all clients together, at random moments.
    pub rate: f64,
    pub deadline: Option<Duration>,
    pub length: Duration,
    pub servers: Vec<Server>,
    /// What happens when.
    pub script: Vec<(Duration, Change)>,
}

pub enum Change {
    Fault(usize, Fault),
    /// Another server is listed.
    Add(Server),
    /// It is listed no more.
    Remove(usize),
}

impl Setup {
    /// So many usual servers with four workers each, and one client.
    pub fn new(policy: Policy, servers: usize, rate: f64, length: Duration) -> Self {
        Self {
            options: BalanceOptions::with_policy(policy),
            clients: 1,
            rate,
            deadline: None,
            length,
            servers: (0..servers).map(|_| Server::new(100, 4, Service::USUAL)).collect(),
            script: Vec::new(),
        }
    }

    pub fn at(mut self, when: Duration, change: Change) -> Self {
        self.script.push((when, change));
        self
    }

    pub fn run(self, seed: u64) -> Records {
        World::new(self, seed).run()
    }
}

struct World {
    setup: Setup,
    now: Moment,
    rng: fastrand::Rng,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    order: u64,
    clients: Vec<Balancer<usize>>,
    listed: Vec<usize>,
    calls: Vec<Call>,
    free: Vec<usize>,
    records: Records,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Done {
        call: usize,
        number: u64,
    },
    Fail {
        call: usize,
        number: u64,
    },
    Deadline {
        call: usize,
        number: u64,
    },
    Script(usize),
    /// Pings, and tries to connect again.
    Look,
}

struct Call {
    number: u64,
    server: usize,
    /// None once the client has let go of it.
    pick: Option<Pick<usize>>,
}

/// The start, so that no moment is zero.
const START: Moment = Moment(3_000_000_000);
/// How soon a client notices that a connection broke or cannot be made.
const REFUSED: Duration = Duration::from_micros(100);

impl World {
    fn new(setup: Setup, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let clients = (0..setup.clients).map(|_| Balancer::new(setup.options.clone(), rng.u64(..))).collect();
        let listed = (0..setup.servers.len()).collect();
        let (events, records) = (BinaryHeap::new(), Records::default());
        let mut world = Self {
            setup,
            now: START,
            rng,
            events,
            order: 0,
            clients,
            listed,
            calls: Vec::new(),
            free: Vec::new(),
            records,
        };
        world.list();
        world.after(Duration::ZERO, Event::Arrive);
        world.after(SECOND, Event::Look);
        for step in 0..world.setup.script.len() {
            world.after(world.setup.script[step].0, Event::Script(step));
        }
        world
    }

    fn run(mut self) -> Records {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            self.now = now;
            if now.since(START) > self.setup.length {
                break;
            }
            match event {
                Event::Arrive => self.arrive(),
                Event::Done { call, number } if self.calls[call].number == number => self.done(call),
                Event::Fail { call, number } if self.calls[call].number == number => {
                    self.end(call, End::Failed);
                    self.forget(call);
                }
                Event::Deadline { call, number } if self.calls[call].number == number => {
                    self.end(call, End::TimedOut);
                }
                Event::Done { .. } | Event::Fail { .. } | Event::Deadline { .. } => {}
                Event::Script(step) => self.change(step),
                Event::Look => self.look(),
            }
        }
        self.records
    }

    fn after(&mut self, time: Duration, event: Event) {
        self.order += 1;
        self.events.push(Reverse((self.now + time, self.order, event)));
    }

    fn arrive(&mut self) {
        let pause = -(1.0 - self.rng.f64()).ln() / self.setup.rate;
        self.after(Duration::from_secs_f64(pause), Event::Arrive);
        let client = self.rng.usize(..self.clients.len());
        let Some(pick) = self.clients[client].pick(self.now, None, &mut self.rng, |_| false) else {
            let began = self.now.since(START);
            self.records.0.push(Record { server: 0, began, took: Duration::ZERO, end: End::Unsent });
            return;
        };
        let server = *pick.member().owner;
        let number = self.order;
        let made = Call { number, server, pick: Some(pick) };
        let call = match self.free.pop() {
            Some(free) => {
                self.calls[free] = made;
                free
            }
            None => {
                self.calls.push(made);
                self.calls.len() - 1
            }
        };
        if let Some(deadline) = self.setup.deadline {
            self.after(deadline, Event::Deadline { call, number });
        }
        let at = &mut self.setup.servers[server];
        match at.fault {
            Fault::Failing(after) => self.after(after, Event::Fail { call, number }),
            Fault::Down => self.after(REFUSED, Event::Fail { call, number }),
            Fault::None | Fault::Slow(_) if at.busy.len() < at.workers => self.work(call),
            _ => at.queue.push_back(call),
        }
    }

    fn work(&mut self, call: usize) {
        let at = &mut self.setup.servers[self.calls[call].server];
        at.busy.push(call);
        let (takes, number) = (at.takes(&mut self.rng), self.calls[call].number);
        self.after(takes, Event::Done { call, number });
    }

    fn done(&mut self, call: usize) {
        let server = self.calls[call].server;
        let at = &mut self.setup.servers[server];
        if at.fault == Fault::Frozen {
            at.held.push(call);
            return;
        }
        at.busy.retain(|busy| *busy != call);
        self.end(call, End::Answered);
        self.forget(call);
        if let Some(next) = self.setup.servers[server].queue.pop_front() {
            self.work(next);
        }
    }

    /// What the client sees of it. The server may go on.
    fn end(&mut self, call: usize, end: End) {
        let server = self.calls[call].server;
        let Some(mut pick) = self.calls[call].pick.take() else { return };
        let outcome = match end {
            End::Answered => Outcome::Answered,
            End::TimedOut => Outcome::TimedOut,
            _ => Outcome::Failed,
        };
        if self.setup.servers[server].fault == Fault::Down && end == End::Failed {
            pick.member().load.set_standing(Standing::Suspended);
        }
        pick.record(outcome, self.now);
        let (began, took) = (pick.began().since(START), self.now.since(pick.began()));
        self.records.0.push(Record { server, began, took, end });
    }

    fn forget(&mut self, call: usize) {
        self.calls[call].number = u64::MAX;
        self.free.push(call);
    }

    fn change(&mut self, step: usize) {
        match std::mem::replace(&mut self.setup.script[step].1, Change::Remove(usize::MAX)) {
            Change::Fault(server, fault) => {
                let at = &mut self.setup.servers[server];
                at.fault = fault;
                let held = std::mem::take(&mut at.held);
                match fault {
                    Fault::Down => {
                        let lost: Vec<usize> = at.busy.drain(..).chain(at.queue.drain(..)).collect();
                        for call in lost {
                            self.end(call, End::Failed);
                            self.forget(call);
                        }
                    }
                    Fault::Frozen => {}
                    _ => {
                        held.into_iter().for_each(|call| self.done(call));
                        while let Some(next) = self.next_of(server) {
                            self.work(next);
                        }
                    }
                }
            }
            Change::Add(server) => {
                self.listed.push(self.setup.servers.len());
                self.setup.servers.push(server);
                self.list();
            }
            Change::Remove(server) => {
                self.listed.retain(|listed| *listed != server);
                self.list();
            }
        }
    }

    fn next_of(&mut self, server: usize) -> Option<usize> {
        let at = &mut self.setup.servers[server];
        if at.busy.len() < at.workers { at.queue.pop_front() } else { None }
    }

    /// All clients learn who is listed.
    fn list(&mut self) {
        let endpoint = |&server: &usize| {
            let mut endpoint = Endpoint::new(format!("h:{}", server + 1).parse().unwrap());
            endpoint.weight = self.setup.servers[server].weight;
            (server.to_string(), endpoint)
        };
        let listed: Vec<_> = self.listed.iter().map(endpoint).collect();
        for client in &self.clients {
            let number =
                |endpoint: &Endpoint| endpoint.address.to_string()[2..].parse::<usize>().unwrap() - 1;
            client.update(self.now, listed.clone(), |endpoint, _| number(endpoint));
        }
    }

    fn look(&mut self) {
        self.after(100 * MS, Event::Look);
        let is_second = self.now.since(START).subsec_millis() == 0;
        for client in &self.clients {
            for member in client.set().members() {
                let is_up = self.setup.servers[*member.owner].fault != Fault::Down;
                if is_up && member.load.standing() == Standing::Suspended {
                    member.load.set_standing(Standing::Ready);
                    member.load.restart(self.now);
                }
            }
            for member in if is_second { client.to_ping() } else { Vec::new() } {
                match self.setup.servers[*member.owner].fault {
                    Fault::Frozen | Fault::Down => member.load.ping_failed(),
                    _ => member.load.ping_answered(self.now),
                }
            }
        }
    }
}
