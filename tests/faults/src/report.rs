//! What a row measured, and what it should have.

use libfast_testkit::Unavailable;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The side of a figure that is good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bar {
    /// It must not be more.
    AtMost(f64),
    /// It must not be less.
    AtLeast(f64),
}

/// One figure of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Its value. What is infinite or no number is `null` in JSON, and no number from then on.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// The bar of the matrix, if it has one.
    pub bar: Option<Bar>,
    /// What the short form demands: a bar that a busy machine does not miss. Without one, it only shows the figure.
    pub test: Option<Bar>,
    /// Why the bar is not met at present.
    pub missing: Option<String>,
}

/// What a row found.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the page.
    pub figures: Vec<Figure>,
    /// The errors of calls, without what differs from one to the next, and how many there were of each.
    pub errors: BTreeMap<String, u64>,
}

/// Why a row has no figures.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot run here.
    Skipped(String),
    /// It could not be run to its end.
    Failed(String),
}

impl From<String> for Trouble {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

impl From<&str> for Trouble {
    fn from(error: &str) -> Self {
        Self::Failed(error.into())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Unavailable> for Trouble {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::NoJava | Unavailable::NoPackages(_) => Self::Skipped(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Bar {
    /// Whether the value is on the good side. What is no number is not.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bar) => value <= bar,
            Self::AtLeast(bar) => value >= bar,
        }
    }
}

impl Report {
    /// Adds a figure, which gets its bars next.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str) -> &mut Figure {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        self.figures.push(Figure { name, value, unit, bar: None, test: None, missing: None });
        self.figures.last_mut().expect("just pushed")
    }

    /// Counts an error of a call.
    pub fn error(&mut self, text: &str) {
        // Ports, ids and times.
        let mut same: String = text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        while same.contains("##") {
            same = same.replace("##", "#");
        }
        *self.errors.entry(same).or_default() += 1;
    }
}

impl Figure {
    /// It must not be more.
    pub fn at_most(&mut self, bar: f64) -> &mut Self {
        self.bar = Some(Bar::AtMost(bar));
        self
    }

    /// It must not be less.
    pub fn at_least(&mut self, bar: f64) -> &mut Self {
        self.bar = Some(Bar::AtLeast(bar));
        self
    }

    /// The short form demands the bar as well.
    pub fn always(&mut self) -> &mut Self {
        self.test = self.bar;
        self
    }

    /// The short form demands this instead, on the same side.
    pub fn in_test(&mut self, bar: f64) -> &mut Self {
        self.test = Some(match self.bar {
            Some(Bar::AtLeast(_)) => Bar::AtLeast(bar),
            _ => Bar::AtMost(bar),
        });
        self
    }

    /// Why the bar is not met at present. The short form still demands what was said with [`in_test`](Self::in_test).
    pub fn missing(&mut self, why: &str) -> &mut Self {
        self.missing = Some(why.into());
        self
    }

    /// Whether the bar of the matrix is met; true without one.
    pub fn is_met(&self) -> bool {
        self.bar.is_none_or(|bar| bar.holds(self.value))
    }

    /// Whether the bar of the short form is met; true without one.
    pub fn passes_test(&self) -> bool {
        self.test.is_none_or(|bar| bar.holds(self.value))
    }
}

fn number<'d, D: Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "none".into(),
        _ if value.fract() == 0.0 && value.abs() < 1e9 => format!("{value:.0}"),
        // 99.99 % must not look like all.
        near if (99.0..100.0).contains(&near) => format!("{value:.3}"),
        large if large >= 99.95 => format!("{value:.0}"),
        middle if middle >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl std::fmt::Display for Bar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bar) => write!(f, "≤ {}", short(*bar)),
            Self::AtLeast(bar) => write!(f, "≥ {}", short(*bar)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_on_its_good_side_and_never_by_no_number() {
        let mut report = Report::default();
        let figure = report.figure("x", 5.0, "").at_most(4.0).in_test(6.0);
        assert!(!figure.is_met() && figure.passes_test());
        assert!(!Bar::AtLeast(1.0).holds(f64::NAN) && !Bar::AtMost(1.0).holds(f64::NAN));
        assert!(Bar::AtLeast(1.0).holds(1.0));
    }
}
