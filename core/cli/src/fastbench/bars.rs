//! Figures as bars of characters.

use hdrhistogram::Histogram;
use std::time::Duration;

/// A line for each span of latencies: its upper bound, a bar, and the share of the values.
pub fn distribution(histogram: &Histogram<u64>) -> Vec<String> {
    let total = histogram.len() as f64;
    // What is rarer than can be seen goes into the first and the last line.
    let common = histogram.value_at_quantile(RARE);
    let rare = histogram.value_at_quantile(1.0 - RARE);
    let bounds: Vec<_> =
        bounds().skip_while(|bound| *bound < common).take_while(|bound| *bound < rare).collect();
    let mut lines = Vec::new();
    let mut below = 0;
    for bound in &bounds {
        let count = histogram.count_between(below, *bound);
        lines.push((duration(*bound), count as f64 / total));
        below = bound + 1;
    }
    if !histogram.is_empty() {
        let label = bounds.last().map_or(duration(histogram.max()), |last| format!(">{}", duration(*last)));
        lines.push((label, histogram.count_between(below, histogram.max()) as f64 / total));
    }
    let line =
        |(label, share): (String, f64)| format!("{label:>8} |{} {:.1}%", bar(share, WIDTH), share * 100.0);
    lines.into_iter().map(line).collect()
}

/// One character for each value, in height relative to the highest one.
pub fn sparkline(values: impl Iterator<Item = f64> + Clone) -> String {
    let highest = values.clone().fold(0.0, f64::max);
    let step = |value: f64| match highest > 0.0 {
        true => (value / highest * (STEPS.len() - 1) as f64).round() as usize,
        false => 0,
    };
    values.map(|value| STEPS[step(value).min(STEPS.len() - 1)]).collect()
}

/// Nanoseconds in the unit that gives the fewest digits.
pub fn duration(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds);
    match nanoseconds {
        0..1_000_000 => format!("{}us", time.as_micros()),
        1_000_000..1_000_000_000 => format!("{}ms", time.as_millis()),
        _ => format!("{}s", time.as_secs()),
    }
}

/// A bar of eighths of characters.
fn bar(share: f64, width: usize) -> String {
    let eighths = (share * (width * 8) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    bar
}

/// 10 µs, 20, 50, 100 and so on to 500 s, in nanoseconds.
fn bounds() -> impl Iterator<Item = u64> {
    (4..12).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)))
}

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const WIDTH: usize = 40;
const RARE: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_accounts_for_all_values() {
        let mut histogram = super::super::tally::histogram();
        assert!(distribution(&histogram).is_empty());
        histogram.record_n(150_000, 50).unwrap();
        histogram.record_n(350_000, 40).unwrap();
        histogram.record_n(3_000_000, 10).unwrap();
        let lines = distribution(&histogram);
        let shares: Vec<_> = lines.iter().map(|line| line.rsplit_once(' ').unwrap().1).collect();
        assert_eq!(shares, ["50.0%", "40.0%", "0.0%", "0.0%", "10.0%"], "{lines:#?}");
        assert!(lines[0].trim_start().starts_with("200us |████"), "{lines:#?}");
        assert!(lines[4].trim_start().starts_with(">2ms"), "{lines:#?}");
    }

    #[test]
    fn sparklines_scale_to_the_highest_value() {
        assert_eq!(sparkline([0.0, 7.0, 14.0].into_iter()), "▁▅█");
        assert_eq!(sparkline([0.0].into_iter()), "▁");
    }
}
