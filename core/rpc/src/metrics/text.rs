//! The text that scrapers read.

use super::families::Families;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;
use std::sync::Arc;

/// The text format of OpenMetrics.
pub(super) fn open_metrics(families: &Arc<Families>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(families.clone()));
    let mut text = String::new();
    // Cannot fail: it is written to memory.
    let _ = encode(&mut text, &registry);
    text
}

/// The same in the older format. There a counter is called the same in its head as in its samples, and those of
/// node-fast, which OpenMetrics knows no type for, are counters like others.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // It comes first, but what to call the metric depends on the type.
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "unknown" => ("", "counter"),
                other => ("", other),
            };
            if let Some((_, help)) = help.take() {
                let _ = writeln!(text, "# HELP {name}{suffix} {help}");
            }
            let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else if line != "# EOF" {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
