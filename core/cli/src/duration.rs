//! Durations as users write them.

use std::time::Duration;

/// Reads a number with a unit: `500us`, `250ms`, `1.5s`, `2m`, `1h`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err(format!("a unit is missing; write {text}ms or {text}s")),
        _ => return Err(format!("the unit {unit:?} is unknown; use us, ms, s, m or h")),
    };
    let duration = number.parse::<f64>().ok().and_then(|n| Duration::try_from_secs_f64(n * seconds).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a number above 0 with a unit, as in 250ms".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_required() {
        assert_eq!(parse("500us"), Ok(Duration::from_micros(500)));
        for (text, ms) in [("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)));
        }
        for (text, why) in [
            ("5", "unit is missing"),
            ("5d", "unknown"),
            ("0s", "above 0"),
            ("-1s", "above 0"),
            ("", "unit"),
            ("1e400s", ""),
        ] {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
