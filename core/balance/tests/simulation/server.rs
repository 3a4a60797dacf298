//! A server with workers, a queue and faults.

use super::MS;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a call takes: at least, and on average on top of it, with the long tail of an exponential.
#[derive(Clone, Copy)]
pub struct Service {
    pub least: Duration,
    pub more: Duration,
}

impl Service {
    /// 5 ms on average with a p99 of 19.4 ms: a usual handler.
    pub const USUAL: Self = Self { least: MS, more: Duration::from_millis(4) };

    pub fn draw(&self, rng: &mut fastrand::Rng) -> Duration {
        self.least + self.more.mul_f64(-(1.0 - rng.f64()).ln())
    }
}

/// What is wrong with a server.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    /// Takes this many times as long.
    Slow(f64),
    /// Fails every call after this time.
    Failing(Duration),
    /// Does nothing, as after SIGSTOP.
    Frozen,
    /// Is not there: its connections break and cannot be made.
    Down,
}

pub struct Server {
    pub service: Service,
    pub workers: usize,
    pub weight: u32,
    pub fault: Fault,
    /// Calls that are worked on.
    pub busy: Vec<usize>,
    pub queue: VecDeque<usize>,
    /// Calls that would have ended while it was frozen.
    pub held: Vec<usize>,
}

impl Server {
    pub fn new(weight: u32, workers: usize, service: Service) -> Self {
        let (busy, queue, held) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { service, workers, weight, fault: Fault::None, busy, queue, held }
    }

    /// How long the next call takes once it is worked on.
    pub fn takes(&self, rng: &mut fastrand::Rng) -> Duration {
        let usual = self.service.draw(rng);
        if let Fault::Slow(times) = self.fault { usual.mul_f64(times) } else { usual }
    }
}
