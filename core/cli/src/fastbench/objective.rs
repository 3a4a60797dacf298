//! What a run has to reach: `--slo`.

use super::figures::Figures;
use super::number;
use crate::duration;
use serde::Serialize;

/// One condition, such as `p99<2ms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    text: String,
    metric: Metric,
    /// Whether it has to be below the bound; otherwise above.
    below: bool,
    /// In the unit of the metric's figure.
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    P50,
    P90,
    P99,
    P999,
    Max,
    ErrorRate,
    Rate,
}

/// Whether an objective was reached.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub objective: String,
    /// Milliseconds, a share of 1, or requests per second; null if nothing was measured.
    pub value: Option<f64>,
    pub pass: bool,
}

impl Objective {
    /// Reads a list such as `p99<2ms,err<0.1%`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(|one| Self::parse(one.trim())).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "objective {text:?} is not understood: {why}; write such as p99<2ms, err<0.1% or rate>19k"
            )
        };
        let at = text.find(['<', '>']).ok_or_else(|| wrong("it has neither < nor >"))?;
        let (name, bound) = (text[..at].trim(), text[at + 1..].trim());
        let metric = match name {
            "p50" => Metric::P50,
            "p90" => Metric::P90,
            "p99" => Metric::P99,
            "p99.9" | "p999" => Metric::P999,
            "max" => Metric::Max,
            "err" => Metric::ErrorRate,
            "rate" => Metric::Rate,
            _ => return Err(wrong("the figure is none of p50, p90, p99, p99.9, max, err, rate")),
        };
        let bound = match metric {
            Metric::ErrorRate => {
                percent(bound).ok_or_else(|| wrong("the bound is no percentage from 0% to 100%"))?
            }
            Metric::Rate => number::rate("rate", bound).map_err(|_| wrong("the bound is no rate above 0"))?,
            _ => duration::parse(bound).map_err(|why| wrong(&why))?.as_secs_f64() * 1e3,
        };
        Ok(Self { text: text.to_owned(), metric, below: text.as_bytes()[at] == b'<', bound })
    }

    /// Whether it is about failures.
    pub fn is_about_errors(&self) -> bool {
        self.metric == Metric::ErrorRate
    }

    /// Whether a run reached it. Without any success there is no latency, and none is reached.
    pub fn judge(&self, figures: &Figures) -> Verdict {
        let latency = figures.latency_ms.as_ref();
        let value = match self.metric {
            Metric::P50 => latency.map(|latency| latency.p50),
            Metric::P90 => latency.map(|latency| latency.p90),
            Metric::P99 => latency.map(|latency| latency.p99),
            Metric::P999 => latency.map(|latency| latency.p999),
            Metric::Max => latency.map(|latency| latency.max),
            Metric::ErrorRate => (figures.succeeded + figures.failed > 0).then_some(figures.error_rate),
            Metric::Rate => Some(figures.rate),
        };
        let reached = |value: f64| if self.below { value < self.bound } else { value > self.bound };
        Verdict { objective: self.text.clone(), value, pass: value.is_some_and(reached) }
    }
}

fn percent(text: &str) -> Option<f64> {
    let share = text.strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0;
    (0.0..=1.0).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_have_units() {
        for (text, metric, below, bound) in [
            ("p99<2ms", Metric::P99, true, 2.0),
            ("p99.9 < 500us", Metric::P999, true, 0.5),
            ("max<1s", Metric::Max, true, 1000.0),
            ("err<0.1%", Metric::ErrorRate, true, 0.001),
            ("rate>19k", Metric::Rate, false, 19_000.0),
        ] {
            let parsed = Objective::parse(text).unwrap();
            assert_eq!((parsed.metric, parsed.below), (metric, below), "{text}");
            assert!((parsed.bound - bound).abs() < 1e-9, "{text}");
        }
        assert_eq!(Objective::parse_list("p50<1ms,err<1%").unwrap().len(), 2);
        for text in ["", "p99", "p98<1ms", "p99<2", "err<1", "err<200%", "rate>0", "p99<2ms,", "p99=2ms"] {
            assert!(Objective::parse_list(text).unwrap_err().contains("not understood"), "{text}");
        }
    }
}
