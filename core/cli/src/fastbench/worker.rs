//! One thread of load: its connections, and the requests it has in flight on them.
//!
//! Everything of a thread, from the sockets to the histograms, stays on it: nothing is handed over while load is made.

use super::busy;
use super::expected::Expected;
use super::failure::Failure;
use super::live::Live;
use super::plan::Plan;
use super::schedule::{Budget, Schedule};
use super::tally::{LATE, Tally};
use super::timer::Timer;
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use libfast::{Call, CallOptions, Client, ClientOptions, Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// What a thread is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Connect, and wait.
    Connect,
    /// Make load from then on.
    Go(Instant),
    /// End, without waiting for answers.
    Stop,
}

/// One thread's part of the load.
pub struct Worker {
    pub plan: Arc<Plan>,
    /// Which of the threads it is.
    pub index: usize,
    pub budget: Arc<Option<Budget>>,
    pub live: Arc<Live>,
    pub order: watch::Receiver<Order>,
}

impl Worker {
    /// Connects, says so, and makes load until it is over.
    pub fn run(self, connected: oneshot::Sender<Result<Vec<Client>>>) -> Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(ErrorKind::NoMemory, format!("the system refuses a runtime: {error}"))
        })?;
        runtime.block_on(async {
            let connecting = self.connect().await;
            let (Ok(clients), Ok(())) = (connecting.clone(), connected.send(connecting)) else {
                return Ok(Tally::new(Instant::now()));
            };
            let mut order = self.order.clone();
            let order = order.wait_for(|order| *order != Order::Connect).await.map(|order| *order);
            let Ok(Order::Go(start)) = order else { return Ok(Tally::new(Instant::now())) };
            Generator::new(&self, &clients, start)?.run().await
        })
    }

    /// Its connections, each in a client of its own, because a client has one to each endpoint.
    async fn connect(&self) -> Result<Vec<Client>> {
        let mut options = ClientOptions::default();
        options.announce_consumer = false;
        options.retries = 0;
        // Nothing but calls is measured.
        (options.watch_servers, options.ping_after_ms) = (false, 0);
        // What nobody can look at need not be counted.
        options.metrics = self.plan.ports.any();
        options.metrics_legacy_names = self.plan.classic.is_some();
        options.max_calls = self.plan.in_flight as u64 + 1;
        let number = self.places().map(|place| place + 1).max().unwrap_or(0);
        let clients = (0..number).map(|_| Client::with_options(&self.plan.target, options.clone()));
        let clients = clients.collect::<Result<Vec<_>>>()?;
        try_join_all(clients.iter().map(|client| client.ready(CONNECT))).await?;
        Ok(clients)
    }

    /// For each request that may be in flight here, the number of its connection among this thread's. Connections are
    /// dealt out to the threads in turn, requests in flight to the connections.
    fn places(&self) -> impl Iterator<Item = usize> {
        let Plan { in_flight, connections, threads, .. } = *self.plan;
        let connections = (0..in_flight).map(move |request| request % connections);
        let here = connections.filter(move |connection| connection % threads == self.index);
        here.map(move |connection| connection / threads)
    }
}

/// Makes load on the connections of one thread.
struct Generator<'w> {
    plan: &'w Plan,
    live: &'w Live,
    order: watch::Receiver<Order>,
    clients: &'w [Client],
    options: CallOptions,
    schedule: Schedule<'w>,
    /// The connection of each request that may be sent besides those in flight.
    free: VecDeque<usize>,
    /// When the last request that had to wait for an answer could be sent.
    freed: Instant,
    in_flight: usize,
    busy_before: Option<(Instant, Duration)>,
    tally: Tally,
}

/// A request that has ended.
struct Ended {
    connection: usize,
    due: Instant,
    sent: Instant,
    at: Instant,
    /// When its place became free.
    freed: Instant,
    outcome: std::result::Result<(), Failure>,
}

impl<'w> Generator<'w> {
    fn new(worker: &'w Worker, clients: &'w [Client], start: Instant) -> Result<Self> {
        let plan = &*worker.plan;
        let first = clients.first();
        let mut options =
            first.map(Client::call_options).ok_or_else(|| Error::new(ErrorKind::Closed, "no connection"))?;
        options.timeout = plan.timeout;
        let measured = start + plan.warm_up;
        let mut schedule = Schedule::closed(measured, plan.duration, Option::as_ref(&worker.budget));
        if let Some(rate) = plan.rate {
            schedule = schedule.open(start, rate, worker.index as u64, plan.threads as u64);
        }
        Ok(Self {
            plan,
            live: &worker.live,
            order: worker.order.clone(),
            clients,
            options,
            schedule,
            free: worker.places().collect(),
            freed: start,
            in_flight: 0,
            busy_before: None,
            tally: Tally::new(measured),
        })
    }

    async fn run(mut self) -> Result<Tally> {
        let mut timer = Timer::new()?;
        let mut order = self.order.clone();
        let mut stop = pin!(order.wait_for(|order| *order == Order::Stop));
        let mut calls = FuturesUnordered::new();
        loop {
            let mut now = Instant::now();
            self.watch_business(now);
            while let Some(connection) = self.free.front().copied()
                && let Some(due) = self.schedule.take(now)
            {
                self.free.pop_front();
                calls.push(self.send(connection, due, now));
                self.in_flight += 1;
                now = Instant::now();
            }
            if self.in_flight > self.tally.most_in_flight {
                self.tally.most_in_flight = self.in_flight;
                self.live.raise_most_in_flight(self.in_flight);
            }
            let over = self.schedule.is_over(now);
            if over && self.in_flight == 0 || self.waits_for_no_answers(now) {
                break;
            }
            // A request that is due does not end the wait for an answer without which it cannot be sent.
            let next = self.schedule.next().filter(|_| !over && !self.free.is_empty());
            let end = self.schedule.end().filter(|end| *end > now);
            tokio::select! {
                biased;
                _ = &mut stop => {
                    self.tally.interrupted = true;
                    break;
                }
                Some(ended) = calls.next() => self.end(ended),
                timed = timer.until(next.or(end)) => timed?,
            }
            if self.tally.fatal.is_some() {
                break;
            }
        }
        Ok(self.finish())
    }

    /// Whether time is up and the workload is one that does not wait then.
    fn waits_for_no_answers(&self, now: Instant) -> bool {
        self.plan.classic.is_some() && self.schedule.end().is_some_and(|end| now >= end)
    }

    fn send(&mut self, connection: usize, due: Instant, now: Instant) -> impl Future<Output = Ended> + use<> {
        if due >= self.tally.began {
            self.tally.sent += 1;
            if now.duration_since(due) > LATE {
                // Whether it was possible to send it in time.
                match now.duration_since(due.max(self.freed).min(now)) > LATE {
                    true => self.tally.late_generator += 1,
                    false => self.tally.late_bound += 1,
                }
            }
        }
        let (args, options) = (self.plan.args.clone(), self.options.clone());
        let call = self.clients[connection].start(&self.plan.method, args, options);
        answer(call, self.plan.expected, connection, due, now)
    }

    fn end(&mut self, ended: Ended) {
        let Ended { connection, due, sent, at, freed, outcome } = ended;
        if self.free.is_empty() {
            self.freed = freed;
        }
        self.free.push_back(connection);
        self.in_flight -= 1;
        let (latency, service) = (at.duration_since(due), at.duration_since(sent));
        let counts = due >= self.tally.began;
        match outcome {
            Ok(()) => {
                self.live.succeed(latency);
                if counts {
                    self.tally.succeed(latency, service);
                }
                let in_time = at >= self.tally.began && self.schedule.end().is_none_or(|end| at <= end);
                self.tally.in_time += u64::from(in_time);
            }
            Err(failure) => {
                self.live.fail();
                // A server that hangs since the warm-up must not look like one without errors.
                if counts || at >= self.tally.began {
                    self.tally.sent += u64::from(!counts);
                    self.tally.fail(&failure);
                }
                if self.plan.classic.is_some() && failure.is_of_connection() {
                    self.tally.fatal = Some(failure);
                }
            }
        }
        self.tally.ended = self.tally.ended.max(at);
    }

    /// Remembers how busy the thread was before the measurement.
    fn watch_business(&mut self, now: Instant) {
        if self.busy_before.is_none() && now >= self.tally.began {
            self.busy_before = Some((now, busy::so_far()));
        }
    }

    fn finish(mut self) -> Tally {
        let now = Instant::now();
        if let Some((since, before)) = self.busy_before {
            self.tally.watched = now.duration_since(since);
            self.tally.busy = busy::so_far().saturating_sub(before);
        }
        self.tally.unsent = self.schedule.take_missed(now);
        if self.tally.interrupted || self.waits_for_no_answers(now) {
            self.tally.ended = now.max(self.tally.began);
        }
        self.tally
    }
}

/// Waits for an answer and looks at it.
async fn answer(mut call: Call, expected: Expected, connection: usize, due: Instant, sent: Instant) -> Ended {
    let (mut values, mut wrong) = (0, None);
    let outcome = loop {
        match call.next().await {
            Some(Ok(value)) => {
                values += 1;
                if wrong.is_none() && expected.wrong_value(&value.clone().into_bytes()) {
                    wrong = Some(format!("value {values} is not what was to be echoed"));
                }
            }
            Some(Err(error)) => break Err(Failure::from(error)),
            None if wrong.is_none() && !expected.right_number(values) => {
                break Err(Failure::answer(format!("{values} values came")));
            }
            None => break wrong.map_or(Ok(()), |message| Err(Failure::answer(message))),
        }
    };
    let at = Instant::now();
    drop(call);
    let mut freed = at;
    if outcome.as_ref().is_err_and(Failure::is_unreachable) {
        // Trying as fast as a machine can refuse would tell nothing, and harm it.
        tokio::time::sleep(REST).await;
        freed = Instant::now();
    }
    Ended { connection, due, sent, at, freed, outcome }
}

/// Longest to wait for a connection at the start.
const CONNECT: Duration = Duration::from_secs(1);
/// Between requests in the place of one that reached nobody.
const REST: Duration = Duration::from_millis(100);
