//! How many requests to run at once, found out by their latency.

use std::time::Duration;

/// An adaptive limit of concurrency after Netflix's "Gradient2": while latency stays near the usual one the limit
/// grows, and it shrinks as requests begin to wait for each other. A pure state machine: it is told how each request
/// went.
///
/// What is usual is learnt only while fewer run than may: a load that lasts must not become what is usual, or the limit would
/// follow it upwards without an end. While as many run as may for long, the limit is halved for a moment now and then
/// to see how long requests take with less company.
#[derive(Debug, Clone)]
pub struct Gradient {
    options: GradientOptions,
    limit: f64,
    /// The usual latency, in seconds; 0 before the first window.
    usual: f64,
    window: Window,
    /// Requests that ended since as many ran as may.
    since_full: u32,
    /// Requests that ended since one ended that had not run together with as many as may.
    full: u32,
    /// The limit is halved for a look, and so many requests still end that began before.
    looking: Option<u32>,
}

/// Bounds and pace of a [`Gradient`]; the defaults are those of Netflix's concurrency-limits where it has them.
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
    /// How many times the usual latency may be before the limit shrinks. Default 1.5; below 2, or a look at half of the
    /// requests would confirm any limit.
    pub tolerance: f64,
    /// Weight of one new limit against those before. Default 0.2.
    pub smoothing: f64,
    /// Requests over which the usual latency is taken. Default 600.
    pub memory: u32,
    /// By how many requests the limit tries to grow at each step, at least a tenth of it. Default 4.
    pub probe: f64,
}

impl Default for GradientOptions {
    fn default() -> Self {
        Self { least: 20, most: 1000, start: 20, tolerance: 1.5, smoothing: 0.2, memory: 600, probe: 4.0 }
    }
}

/// Requests whose mean latency makes one step: one by one, a long one among short ones would look like a crowd.
const WINDOW: u32 = 10;
/// Requests whose mean latency counts at a look, as it holds until the next one.
const LOOK: u32 = 30;
/// Requests between two looks, and as many more for each that may run: a look costs no more than one in fifty of a server
/// whose handlers do not slow each other down.
const BETWEEN_LOOKS: u32 = 1000;
const BETWEEN_LOOKS_PER_PLACE: f64 = 20.0;

/// Requests that ended one after the other.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    requests: u32,
    seconds: f64,
    /// The most that ran at the end of one.
    running: u32,
}

impl Gradient {
    /// A limit to begin with.
    pub fn new(options: GradientOptions) -> Self {
        let limit = f64::from(options.start.clamp(options.least, options.most.max(options.least)));
        Self {
            options,
            limit,
            usual: 0.0,
            window: Window::default(),
            since_full: u32::MAX,
            full: 0,
            looking: None,
        }
    }

    /// Requests that may run at once.
    pub fn limit(&self) -> u32 {
        match self.looking {
            Some(_) => (self.limit as u32 / 2).max(1),
            None => self.limit as u32,
        }
    }

    /// A request ended after `latency`, waiting not included, when so many were `running` with it.
    pub fn sample(&mut self, latency: Duration, running: u32) {
        if self.options.least >= self.options.most {
            return;
        }
        if let Some(before @ 1..) = &mut self.looking {
            *before -= 1;
            return;
        }
        self.since_full = if running >= self.limit() { 0 } else { self.since_full.saturating_add(1) };
        // Those that ran then waited for each other, also those that end when few are left.
        self.full = if self.since_full <= self.limit() { self.full.saturating_add(1) } else { 0 };
        self.window.requests += 1;
        self.window.seconds += latency.as_secs_f64();
        self.window.running = self.window.running.max(running);
        let size = if self.looking.is_some() { LOOK } else { WINDOW };
        if self.window.requests == size {
            let window = std::mem::take(&mut self.window);
            self.step(window.seconds / f64::from(size), window.running);
        }
    }

    /// Requests took `mean` seconds when up to `running` ran at once.
    fn step(&mut self, mean: f64, running: u32) {
        let mean = mean.max(1e-9);
        if self.looking.take().is_some() || self.usual == 0.0 {
            self.usual = mean;
            self.full = 0;
            return;
        }
        if self.full == 0 {
            self.learn(mean);
        }
        // Below half of the limit nothing is learnt about the limit.
        if f64::from(running) < self.limit / 2.0 {
            return;
        }
        let options = &self.options;
        let gradient = (options.tolerance * self.usual / mean).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + options.probe.max(self.limit / 10.0);
        let next = self.limit * (1.0 - options.smoothing) + wanted * options.smoothing;
        self.limit = next.clamp(f64::from(options.least), f64::from(options.most.max(options.least)));
        if f64::from(self.full) >= f64::from(BETWEEN_LOOKS) + self.limit * BETWEEN_LOOKS_PER_PLACE {
            self.looking = Some(self.limit as u32);
        }
    }

    fn learn(&mut self, mean: f64) {
        let windows = f64::from(self.options.memory) / f64::from(WINDOW);
        self.usual += (mean - self.usual) * 2.0 / (windows + 1.0);
        // One that is too high does not notice a crowd: it comes down faster than it goes up.
        if self.usual > 2.0 * mean {
            self.usual *= 0.6;
        }
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

    /// Requests on `workers` that take 10 ms each, always as many as may run: latency grows with what is beyond the workers.
    fn crowd(gradient: &mut Gradient, workers: u32, requests: u32) {
        for _ in 0..requests {
            let running = gradient.limit();
            let crowd = f64::from(running.max(workers)) / f64::from(workers);
            gradient.sample(Duration::from_millis(10).mul_f64(crowd), running);
        }
    }

    fn settled(workers: u32, requests: u32) -> u32 {
        let mut gradient = Gradient::default();
        crowd(&mut gradient, workers, requests);
        gradient.limit()
    }

    #[test]
    fn it_grows_while_latency_stays_and_stops_where_requests_wait() {
        assert_eq!(settled(10_000, 3_000), 1000);
        let limit = settled(100, 3_000);
        assert!((100..=250).contains(&limit), "{limit}");
    }

    /// A mean that forgets takes what a crowd makes of the latency for usual, and lets the crowd grow.
    #[test]
    fn an_overload_that_lasts_does_not_become_usual() {
        let mut gradient = Gradient::default();
        for _ in 0..1000 {
            crowd(&mut gradient, 100, 1_000);
            assert!((50..=250).contains(&gradient.limit()), "{}", gradient.limit());
        }
        // Not even where it is there from the beginning.
        assert!(settled(8, 1_000_000) <= 30);
    }

    /// Handlers that wait for something which got slower do not slow each other down.
    #[test]
    fn what_takes_longer_for_good_becomes_usual_nevertheless() {
        let mut gradient = Gradient::default();
        let all_at_once = |gradient: &mut Gradient, ms| {
            (0..20_000).for_each(|_| gradient.sample(Duration::from_millis(ms), gradient.limit()));
        };
        all_at_once(&mut gradient, 10);
        all_at_once(&mut gradient, 100);
        assert!(gradient.limit() >= 500, "{}", gradient.limit());
    }

    #[test]
    fn a_sudden_rise_of_latency_shrinks_it() {
        let mut gradient = Gradient::default();
        (0..500).for_each(|_| gradient.sample(Duration::from_millis(10), gradient.limit()));
        let before = gradient.limit();
        (0..100).for_each(|_| gradient.sample(Duration::from_millis(100), gradient.limit()));
        assert!(gradient.limit() < before / 2, "{before} to {}", gradient.limit());
    }

    #[test]
    fn a_long_request_among_short_ones_is_no_crowd() {
        let mut gradient = Gradient::default();
        for n in 0..20_000 {
            let ms = if n % 10 == 0 { 1000 } else { 1 };
            gradient.sample(Duration::from_millis(ms), gradient.limit());
        }
        assert_eq!(gradient.limit(), 1000);
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let mut gradient = Gradient::default();
        (0..1000).for_each(|_| gradient.sample(Duration::from_millis(10), 3));
        assert_eq!(gradient.limit(), 20);
    }

    #[test]
    fn a_fixed_limit_stays() {
        let mut options = GradientOptions::default();
        (options.least, options.start, options.most) = (8, 8, 8);
        let mut gradient = Gradient::new(options);
        for n in 0..50_000 {
            gradient.sample(Duration::from_millis(n % 700), 8);
            assert_eq!(gradient.limit(), 8);
        }
    }
}
