//! The run as it is shown on a terminal while it lasts: a few lines, written over each other.

use super::bars::sparkline;
use super::figures::Quantiles;
use super::live::Look;
use super::plan::Plan;
use super::report::quantiles;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// The lines of a running measurement.
pub struct Screen {
    last: Look,
    last_at: Duration,
    rates: VecDeque<f64>,
    p99s: VecDeque<f64>,
    shown: usize,
}

impl Screen {
    /// Whether there is a terminal that can show it.
    pub fn is_possible() -> bool {
        io::stderr().is_terminal()
            && std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
    }

    /// With the first look.
    pub fn new(first: Look) -> Self {
        let (rates, p99s) = (VecDeque::new(), VecDeque::new());
        Self { last: first, last_at: Duration::ZERO, rates, p99s, shown: 0 }
    }

    /// Shows what happened until `at` since the start.
    pub fn show(&mut self, plan: &Plan, at: Duration, look: Look) {
        let since = at.saturating_sub(self.last_at).as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = (look.succeeded - self.last.succeeded) as f64 / since;
        let latency = Quantiles::of(&look.window);
        push(&mut self.rates, rate);
        push(&mut self.p99s, latency.map_or(0.0, |latency| latency.p99));
        let target = plan.rate.map_or(String::new(), |rate| format!(" of {rate}/s"));
        let phase = if at < plan.warm_up { "  warm-up" } else { "" };
        let end = plan
            .duration
            .map_or(String::new(), |duration| format!(" of {:.0}s", (plan.warm_up + duration).as_secs_f64()));
        let lines = [
            format!("  {:.1}s{end}{phase}   q ends it", at.as_secs_f64()),
            format!("  now       {rate:.0}/s{target}   errors {} in all", look.failed),
            format!("  latency   {}", quantiles(latency.as_ref())),
            format!("  rate      {}", sparkline(self.rates.iter().copied())),
            format!("  p99       {}", sparkline(self.p99s.iter().copied())),
        ];
        self.draw(&lines);
        (self.last, self.last_at) = (look, at);
    }

    /// One write, so that no half of it is seen.
    fn draw(&mut self, lines: &[String]) {
        let mut text = back(self.shown);
        for line in lines {
            // Lines that were wrapped could not be written over.
            text.push_str(NO_WRAP);
            text.push_str(line);
            text.push_str(WRAP);
            text.push('\n');
        }
        self.shown = lines.len();
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = io::stderr().lock().write_all(back(self.shown).as_bytes());
    }
}

/// Goes back by that many lines and clears what is there.
fn back(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") }
}

fn push(values: &mut VecDeque<f64>, value: f64) {
    if values.len() == WIDTH {
        values.pop_front();
    }
    values.push_back(value);
}

/// Between two pictures.
pub const TICK: Duration = Duration::from_millis(500);

const WIDTH: usize = 60;
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
