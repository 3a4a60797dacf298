//! The results of another run, to compare with: `--compare`.

use super::figures::{Figures, ratio};
use super::report::SCHEMA;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The figures of another run that are compared.
#[derive(Debug, Clone, Deserialize)]
pub struct Baseline {
    #[serde(skip)]
    file: String,
    schema: String,
    rate: f64,
    latency_ms: Latency,
}

#[derive(Debug, Clone, Deserialize)]
struct Latency {
    p50: f64,
    p99: f64,
}

/// How much higher the figures of this run are than those of the other, as a share of those; null where either is missing.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub file: String,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub rate: Option<f64>,
}

impl Baseline {
    /// Reads what `-o json` wrote. The error says why that is not possible.
    pub fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        let read = serde_json::from_str(&text);
        let read: Self =
            read.map_err(|error| format!("{name} is not what `fastbench -o json` writes: {error}"))?;
        match read.schema == SCHEMA {
            true => Ok(Self { file: name.to_string(), ..read }),
            false => Err(format!("{name} is of schema {:?}, not {SCHEMA:?}", read.schema)),
        }
    }

    pub fn compare(&self, figures: &Figures) -> Change {
        let change = |new: f64, old: f64| (old > 0.0).then(|| ratio(new - old, old));
        let latency = figures.latency_ms.as_ref();
        Change {
            file: self.file.clone(),
            p50: latency.and_then(|latency| change(latency.p50, self.latency_ms.p50)),
            p99: latency.and_then(|latency| change(latency.p99, self.latency_ms.p99)),
            rate: change(figures.rate, self.rate),
        }
    }
}

impl Change {
    /// For people.
    pub fn text(&self) -> String {
        let percent =
            |change: Option<f64>| change.map_or("?".into(), |change| format!("{:+.0}%", change * 100.0));
        let Self { file, p50, p99, rate } = self;
        format!("vs {file}: p50 {}  p99 {}  throughput {}", percent(*p50), percent(*p99), percent(*rate))
    }
}
