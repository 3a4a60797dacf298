//! `docs/METRICS.md`.

use libfast_model::{DURATION_BUCKETS, LEGACY_BUCKETS, METRIC_LABELS, Metric, MetricKind};
use std::fmt::Write as _;

/// The page.
pub fn metrics() -> String {
    let mut text = String::from(
        "<!-- Generated from core/model by core/codegen; do not edit. -->\n# Metrics\n\n\
         All clients and servers of a process record into one set of metrics, unless their option `metrics` is `false`. It is\n\
         read as text for Prometheus: from the page `/metrics` of a tool, or with `libfast::metrics_text()`. A metric is listed\n\
         once there is something to tell. After 2000 combinations of labels of one metric, further ones are counted together\n\
         with the value `_OTHER`.\n",
    );
    table(&mut text, "Metrics", false);
    let _ = writeln!(text, "\nUpper bounds of the buckets, in seconds: {}.", bounds(&DURATION_BUCKETS));
    text.push_str("\n## Labels\n\n| label | value |\n|---|---|\n");
    for (name, meaning) in METRIC_LABELS {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    table(&mut text, "Names of node-fast", true);
    let _ = writeln!(
        text,
        "\nThese are there if the option `metrics_legacy_names` is `true`, for dashboards that know node-fast's names. Each also\n\
         has the labels of the option `metrics_labels`. Durations are whole milliseconds, cut off. Upper bounds of the buckets,\n\
         in seconds: {}.",
        bounds(&LEGACY_BUCKETS)
    );
    text
}

fn table(text: &mut String, title: &str, legacy: bool) {
    let _ = write!(text, "\n## {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for row in Metric::TABLE.iter().filter(|row| row.legacy == legacy) {
        let kind = match row.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels = row.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "| `{}` | {kind} | {labels} | {} |", row.name, row.help);
    }
}

fn bounds(bounds: &[f64]) -> String {
    bounds.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}
