//! How many requests to run at once, found out by their latency.

use std::time::Duration;

/// An adaptive limit of concurrency after Netflix's "Gradient2": while latency stays near its long-term mean the limit
/// grows, and it shrinks as requests begin to wait for each other. A pure state machine: it is told how each request
/// went.
#[derive(Debug, Clone)]
pub struct Gradient {
    options: GradientOptions,
    limit: f64,
    /// Long-term mean of the latency, in seconds.
    usual: f64,
    /// Samples so far, until there are enough for a mean that forgets.
    samples: u32,
}

/// Bounds and pace of a [`Gradient`]; the defaults are those of Netflix's concurrency-limits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct GradientOptions {
    /// Smallest limit, in requests. Default 20: few enough for a handler that uses the processor, many enough not to starve
    /// one that waits for others.
    pub least: u32,
    /// Largest limit. Default 1,000.
    pub most: u32,
    /// Limit to begin with. Default 20.
    pub start: u32,
    /// How many times its long-term mean latency may be before the limit shrinks. Default 1.5.
    pub tolerance: f64,
    /// Weight of one new limit against those before. Default 0.2.
    pub smoothing: f64,
    /// Requests over which the long-term mean is taken. Default 600.
    pub window: u32,
    /// By how many requests the limit tries to grow at each step. Default 4.
    pub probe: f64,
}

impl Default for GradientOptions {
    fn default() -> Self {
        Self { least: 20, most: 1000, start: 20, tolerance: 1.5, smoothing: 0.2, window: 600, probe: 4.0 }
    }
}

/// Samples whose plain mean begins the long-term one.
const WARM_UP: u32 = 10;

impl Gradient {
    /// A limit to begin with.
    pub fn new(options: GradientOptions) -> Self {
        let limit = f64::from(options.start.clamp(options.least, options.most.max(options.least)));
        Self { options, limit, usual: 0.0, samples: 0 }
    }

    /// Requests that may run at once.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A request ended after `latency`, waiting not included, when so many were `running` with it.
    pub fn sample(&mut self, latency: Duration, running: u32) {
        let options = &self.options;
        let now = latency.as_secs_f64().max(1e-9);
        self.samples = self.samples.saturating_add(1);
        let weight = match self.samples {
            ..=WARM_UP => 1.0 / f64::from(self.samples),
            _ => 2.0 / (f64::from(options.window) + 1.0),
        };
        self.usual += (now - self.usual) * weight;
        // After a load that lasted, the mean is too high to notice the next one: it comes down faster than it came.
        if self.usual / now > 2.0 {
            self.usual *= 0.95;
        }
        // Below half of the limit nothing is learnt about the limit.
        if f64::from(running) < self.limit / 2.0 {
            return;
        }
        let gradient = (options.tolerance * self.usual / now).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + options.probe;
        let next = self.limit * (1.0 - options.smoothing) + wanted * options.smoothing;
        self.limit = next.clamp(f64::from(options.least), f64::from(options.most.max(options.least)));
    }
}

impl Default for Gradient {
    fn default() -> Self {
        Self::new(GradientOptions::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests on `workers` that take 10 ms each, all at the limit: latency grows with what is beyond the workers.
    fn settled(workers: u32, rounds: u32) -> u32 {
        let mut gradient = Gradient::default();
        for _ in 0..rounds {
            let running = gradient.limit();
            let crowd = f64::from(running.max(workers)) / f64::from(workers);
            gradient.sample(Duration::from_millis(10).mul_f64(crowd), running);
        }
        gradient.limit()
    }

    #[test]
    fn it_grows_while_latency_stays_and_stops_where_requests_wait() {
        assert_eq!(settled(10_000, 5_000), 1000);
        let limit = settled(100, 200);
        assert!((100..=250).contains(&limit), "{limit}");
    }

    #[test]
    fn a_sudden_rise_of_latency_shrinks_it() {
        let mut gradient = Gradient::default();
        (0..500).for_each(|_| gradient.sample(Duration::from_millis(10), gradient.limit()));
        let before = gradient.limit();
        (0..20).for_each(|_| gradient.sample(Duration::from_millis(100), gradient.limit()));
        assert!(gradient.limit() < before / 2, "{before} to {}", gradient.limit());
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let mut gradient = Gradient::default();
        (0..1000).for_each(|_| gradient.sample(Duration::from_millis(10), 3));
        assert_eq!(gradient.limit(), 20);
    }
}
