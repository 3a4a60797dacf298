//! Every call of a load, once each: what it was, where it went, and how it ended.

use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

/// What may be done with a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It may run more than once.
    Idempotent,
    /// It must not.
    Once,
    /// A stream without an end. It "fails" when it breaks.
    Stream,
}

/// One call. Times are those of [`now_us`](crate::clock::now_us).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Different for each call of the load.
    pub id: u64,
    /// What it was.
    pub kind: Kind,
    /// When it should have started. An open loop does not wait for slow answers.
    pub due_us: u64,
    /// When it started.
    pub start_us: u64,
    /// When it ended; `None` if it never did.
    pub end_us: Option<u64>,
    /// Why it failed: kind, progress and message. A stream that was ended by the load has not.
    pub error: Option<String>,
    /// Where it went: when, and the address.
    pub picks: Vec<(u64, String)>,
}

/// The calls of one load.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order in which they were due.
    pub entries: Vec<Entry>,
    /// The longest time for which the machine let the client wait that wanted to run. That is no fault of the client.
    pub paused_ms: f64,
    /// When that ended.
    pub paused_until_us: u64,
}

impl Entry {
    /// Whether it gave the right answer.
    pub fn is_ok(&self) -> bool {
        self.error.is_none() && self.end_us.is_some()
    }

    /// Milliseconds from when it should have started.
    pub fn latency_ms(&self) -> f64 {
        self.end_us.map_or(f64::INFINITY, |end| end.saturating_sub(self.due_us) as f64 / 1e3)
    }

    /// Whether its last attempt went there.
    pub fn ended_at(&self, address: &str) -> bool {
        self.picks.last().is_some_and(|(_, picked)| picked == address)
    }
}

impl Ledger {
    /// What [`write`](Self::write) wrote.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
        let lines = BufReader::new(file).lines();
        let entry = |line: std::io::Result<String>| {
            let line = line.map_err(|error| failed(&error))?;
            serde_json::from_str(&line).map_err(|error| failed(&error))
        };
        Ok(Self { entries: lines.map(entry).collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// Writes a line of JSON for each call.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        for entry in &self.entries {
            serde_json::to_writer(&mut file, entry)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// All calls but the streams.
    pub fn calls(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind != Kind::Stream)
    }

    /// The calls but the streams that were due in this time.
    pub fn during(&self, from_us: u64, to_us: u64) -> impl Iterator<Item = &Entry> {
        self.calls().filter(move |entry| (from_us..to_us).contains(&entry.due_us))
    }

    /// The calls that failed and were under way while the machine paused for longest.
    pub fn failed_in_pause(&self) -> impl Iterator<Item = &Entry> {
        let from = self.paused_until_us.saturating_sub((self.paused_ms * 1e3) as u64);
        self.calls().filter(move |entry| {
            let has_ended = entry.end_us.is_some_and(|end| end < from);
            !entry.is_ok() && entry.start_us <= self.paused_until_us && !has_ended
        })
    }

    /// The streams.
    pub fn streams(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Stream)
    }

    /// When that address was picked, in order.
    pub fn picks_of(&self, address: &str) -> Vec<u64> {
        let picks = self.calls().flat_map(|entry| &entry.picks);
        let mut at: Vec<u64> = picks.filter(|(_, to)| to == address).map(|(at, _)| *at).collect();
        at.sort_unstable();
        at
    }
}

/// The share of calls that were right, in percent; 100 of none.
pub fn ok_percent<'e>(entries: impl Iterator<Item = &'e Entry>) -> f64 {
    let (mut all, mut ok) = (0, 0);
    for entry in entries {
        all += 1;
        ok += usize::from(entry.is_ok());
    }
    if all == 0 { 100.0 } else { 100.0 * ok as f64 / all as f64 }
}

/// How many failed.
pub fn failed<'e>(entries: impl Iterator<Item = &'e Entry>) -> f64 {
    entries.filter(|entry| !entry.is_ok()).count() as f64
}

/// The 99th percentile of the latencies of those that were right, in ms.
pub fn p99<'e>(entries: impl Iterator<Item = &'e Entry>) -> f64 {
    quantile(entries, 0.99)
}

/// A quantile of the latencies of those that were right, in ms.
pub fn quantile<'e>(entries: impl Iterator<Item = &'e Entry>, share: f64) -> f64 {
    quantile_of(&mut entries.filter(|entry| entry.is_ok()).map(Entry::latency_ms).collect::<Vec<_>>(), share)
}

/// The value below which `share` of them are, from 0 (the least) to 1 (the most); no number of none. Sorts them.
pub fn quantile_of(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, end: Option<u64>, error: Option<&str>) -> Entry {
        let picks = vec![(id, "a".to_owned())];
        let (due_us, start_us, error) = (0, 0, error.map(str::to_owned));
        Entry { id, kind: Kind::Once, due_us, start_us, end_us: end, error, picks }
    }

    #[test]
    fn a_pause_of_the_machine_has_the_failures_of_its_time() {
        let entries =
            [entry(1, Some(9), Some("x")), entry(2, Some(2_500), Some("x")), entry(3, Some(2_500), None)];
        let late = Entry { start_us: 3_001, ..entry(4, Some(4_000), Some("x")) };
        let mut ledger = Ledger { entries: entries.to_vec(), paused_ms: 2.0, paused_until_us: 3_000 };
        ledger.entries.push(late);
        let ids: Vec<_> = ledger.failed_in_pause().map(|entry| entry.id).collect();
        assert_eq!(ids, [2]);
    }

    #[test]
    fn what_never_ended_is_not_right() {
        let entries = [entry(1, Some(1_000), None), entry(2, Some(9_000), Some("x")), entry(3, None, None)];
        assert_eq!(failed(entries.iter()), 2.0);
        assert!((ok_percent(entries.iter()) - 33.3).abs() < 0.1);
        assert_eq!(p99(entries.iter()), 1.0, "only right answers have a latency that counts");
    }

    #[test]
    fn a_ledger_reads_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let entries = vec![entry(1, Some(5), None), entry(2, None, Some("lost"))];
        Ledger { entries, ..Ledger::default() }.write(&path).unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!((ledger.entries.len(), ledger.picks_of("a")), (2, vec![1, 2]));
        assert_eq!(ledger.entries[1].error.as_deref(), Some("lost"));
    }
}
