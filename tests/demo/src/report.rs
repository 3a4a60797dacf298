//! The rows of the table.

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What one client measured.
#[derive(Debug)]
pub struct Row {
    pub language: String,
    pub ok: u64,
    pub failed: u64,
    pub values: u64,
    pub servers: BTreeMap<String, u64>,
    pub p50_us: u64,
    pub p99_us: u64,
    pub error: String,
    pub timeout: String,
}

impl Row {
    /// Reads the line that a client printed.
    pub fn parse(line: &str) -> Result<Self, String> {
        let json: Json =
            serde_json::from_str(line).map_err(|error| format!("a client printed {line:?}: {error}"))?;
        let number = |name: &str| json[name].as_u64().ok_or_else(|| format!("no number {name:?} in {line}"));
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let servers = json["servers"].as_object().ok_or_else(|| format!("no servers in {line}"))?;
        Ok(Self {
            language: text("language"),
            ok: number("ok")?,
            failed: number("failed")?,
            values: number("values")?,
            servers: servers
                .iter()
                .map(|(name, calls)| (name.clone(), calls.as_u64().unwrap_or_default()))
                .collect(),
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
            error: text("error"),
            timeout: text("timeout"),
        })
    }
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    println!(
        "\n{:<8} {:>6} {:>7} {:>7} {:>8} {:>8}  {:<24} {:<15} calls per server",
        "client", "ok", "failed", "values", "p50 µs", "p99 µs", "expected error", "timeout"
    );
    for row in rows {
        let shares: Vec<_> = row.servers.iter().map(|(name, calls)| format!("{name} {calls}")).collect();
        println!(
            "{:<8} {:>6} {:>7} {:>7} {:>8} {:>8}  {:<24} {:<15} {}",
            row.language,
            row.ok,
            row.failed,
            row.values,
            row.p50_us,
            row.p99_us,
            row.error,
            row.timeout,
            shares.join(", ")
        );
    }
}
