//! The load of one run: its threads, from connecting to the sum of what they counted.

use super::live::{Live, Look};
use super::plan::Plan;
use super::schedule::Budget;
use super::tally::Tally;
use super::worker::{Order, Worker};
use libfast::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// The load of one run. Dropping it ends it.
pub struct Load {
    order: watch::Sender<Order>,
    live: Vec<Arc<Live>>,
    tallies: mpsc::UnboundedReceiver<Result<Tally>>,
    sum: Option<Tally>,
}

impl Load {
    /// Starts the threads and waits until all are connected, at most for a second.
    pub async fn connect(plan: &Arc<Plan>) -> Result<Self> {
        let order = watch::Sender::new(Order::Connect);
        let (tell_tally, tallies) = mpsc::unbounded_channel();
        let (mut live, mut connecting) = (Vec::new(), Vec::new());
        let budget = Arc::new(plan.requests.map(Budget::new));
        for index in 0..plan.threads {
            live.push(Arc::new(Live::new()));
            let (plan, budget, live) = (plan.clone(), budget.clone(), live[index].clone());
            let worker = Worker { plan, index, budget, live, order: order.subscribe() };
            let (tell_connected, connected) = oneshot::channel();
            let tell_tally = tell_tally.clone();
            let thread = std::thread::Builder::new().name(format!("load-{index}"));
            let spawned = thread.spawn(move || {
                // Nobody listens if the tool ends early.
                let _ = tell_tally.send(worker.run(tell_connected));
            });
            spawned.map_err(|error| {
                let message = format!("the system refuses a thread: {error}; use fewer --threads");
                Error::new(ErrorKind::NoMemory, message)
            })?;
            connecting.push(connected);
        }
        for connected in connecting {
            connected.await.unwrap_or_else(|_| Err(gone()))?;
        }
        Ok(Self { order, live, tallies, sum: None })
    }

    /// Lets the load begin. Returns when that was.
    pub fn start(&self) -> Instant {
        let now = Instant::now();
        self.order.send_replace(Order::Go(now));
        now
    }

    /// Ends the load without waiting for answers.
    pub fn stop(&self) {
        self.order.send_replace(Order::Stop);
    }

    /// What happened since the start, and the latencies since the last look.
    pub fn look(&self) -> Look {
        Look::at(self.live.iter().map(|live| &**live))
    }

    /// Waits until all threads have ended, and adds up what they counted. If one ends early, so do all. Cancel safe.
    pub async fn finished(&mut self) -> Result<Tally> {
        while let Some(tally) = self.tallies.recv().await {
            let tally = tally?;
            if tally.fatal.is_some() {
                self.stop();
            }
            match &mut self.sum {
                Some(sum) => sum.merge(tally),
                none => *none = Some(tally),
            }
        }
        self.sum.take().ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Panic, "a thread of the load ended without a result")
}
