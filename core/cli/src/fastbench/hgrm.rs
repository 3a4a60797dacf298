//! The distribution of the latencies in the text format of HdrHistogram: `--hgrm`.

use hdrhistogram::Histogram;
use libfast::{Error, ErrorKind, Result};
use std::fmt::Write;
use std::path::Path;

/// Writes a histogram of nanoseconds in milliseconds.
pub fn write(file: &Path, histogram: &Histogram<u64>) -> Result<()> {
    std::fs::write(file, text(histogram)).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("cannot write the histogram to {}: {error}", file.display()))
    })
}

fn text(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        let (value, quantile) = (step.value_iterated_to() as f64 / 1e6, step.quantile_iterated_to());
        let count = histogram.count_between(0, step.value_iterated_to());
        let _ = write!(text, "{value:12.3} {quantile:2.12} {count:10}");
        let _ =
            if quantile < 1.0 { writeln!(text, " {:14.2}", 1.0 / (1.0 - quantile)) } else { writeln!(text) };
    }
    let (mean, deviation) = (histogram.mean() / 1e6, histogram.stdev() / 1e6);
    let (max, total) = (histogram.max() as f64 / 1e6, histogram.len());
    let _ = writeln!(text, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]");
    let _ = writeln!(text, "#[Max     = {max:12.3}, Total count    = {total:12}]");
    let _ = writeln!(text, "#[Buckets = {:12}, SubBuckets     = {:12}]", histogram.buckets(), SUB_BUCKETS);
    text
}

/// Steps on each halving of the distance to 100 %, as other tools have it.
const TICKS_PER_HALF: u32 = 5;
/// That a histogram of three digits has.
const SUB_BUCKETS: u32 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_accounts_for_all_values() {
        let mut histogram = super::super::tally::histogram();
        for ms in 1..=1000 {
            histogram.record(ms * 1_000_000).unwrap();
        }
        let text = text(&histogram);
        let last = text.lines().rfind(|line| !line.starts_with('#')).unwrap();
        let fields: Vec<_> = last.split_whitespace().collect();
        assert_eq!(fields[1..], ["1.000000000000", "1000"], "{text}");
        assert!((fields[0].parse::<f64>().unwrap() - 1000.0).abs() < 1.0);
        assert!(text.contains("Total count    =         1000]"));
    }
}
