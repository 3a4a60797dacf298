//! Numbers as users of `fastbench` write them, refused in the words that its scripts know.

use crate::duration;
use std::time::Duration;

/// A whole number of at least `least`: `10`, `20k`, `1M`.
pub fn count(option: &str, text: &str, least: u64) -> Result<u64, String> {
    let (number, factor) = with_suffix(text);
    if is_negative(number) {
        return Err(format!("value for {option} is too small: {text:?}"));
    }
    let value = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let value = value.ok_or_else(|| format!("value for {option} is not an integer: {text:?}"))?;
    match value < least {
        true => Err(format!("value for {option} is too small: {text:?}")),
        false => Ok(value),
    }
}

/// Requests per second: `500`, `2.5k`.
pub fn rate(option: &str, text: &str) -> Result<f64, String> {
    let (number, factor) = with_suffix(text);
    let rate = number.parse::<f64>().ok().map(|number| number * factor as f64);
    rate.filter(|rate| (LEAST_RATE..=MOST_RATE).contains(rate)).ok_or_else(|| {
        format!("value for {option} is not a rate: {text:?}; write requests per second, such as 500 or 20k")
    })
}

/// A time: with a unit, or a bare number of seconds. Zero is for options that switch something off with it.
pub fn time(option: &str, text: &str, zero: bool) -> Result<Duration, String> {
    let time = match text.parse::<u64>() {
        Ok(0) if zero => return Ok(Duration::ZERO),
        Ok(0) => return Err(format!("value for {option} is too small: {text:?}")),
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if is_negative(text) => return Err(format!("value for {option} is too small: {text:?}")),
        Err(_) => with_unit(option, text)?,
    };
    // Sums of such times with others, and with the clock, must not overflow.
    match time > LONGEST {
        true => Err(format!("value for {option} is too large: {text:?}; at most a year")),
        false => Ok(time),
    }
}

/// Whether it is a whole number below zero.
fn is_negative(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number < 0)
}

fn with_unit(option: &str, text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .map_err(|why| format!("value for {option} is not an integer: {text:?}; with a unit, {why}"))
}

/// A TCP port.
pub fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

fn with_suffix(text: &str) -> (&str, u64) {
    match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1_000),
        None => text.strip_suffix('M').map_or((text, 1), |number| (number, 1_000_000)),
    }
}

const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// One request in a quarter of an hour.
const LEAST_RATE: f64 = 0.001;
/// One each nanosecond, the grain of the clock.
const MOST_RATE: f64 = 1e9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_suffixes_and_a_lower_bound() {
        for (text, value) in [("1", 1), ("20k", 20_000), ("3M", 3_000_000)] {
            assert_eq!(count("-n", text, 1), Ok(value));
        }
        for (text, why) in [
            ("x", "value for -n is not an integer: \"x\""),
            ("", "value for -n is not an integer: \"\""),
            ("1.5", "value for -n is not an integer: \"1.5\""),
            ("-1", "value for -n is too small: \"-1\""),
            ("99999999999999999999", "value for -n is not an integer: \"99999999999999999999\""),
            ("18446744073709551615k", "value for -n is not an integer: \"18446744073709551615k\""),
            ("0", "value for -n is too small: \"0\""),
        ] {
            assert_eq!(count("-n", text, 1), Err(why.into()));
        }
    }

    #[test]
    fn rates_are_positive_and_finite() {
        assert_eq!(rate("-q", "2.5k"), Ok(2500.0));
        for text in ["0", "-1", "NaN", "inf", "1e300", "k", ""] {
            assert!(rate("-q", text).unwrap_err().contains("not a rate"), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(time("-d", "3", false), Ok(Duration::from_secs(3)));
        assert_eq!(time("-d", "250ms", false), Ok(Duration::from_millis(250)));
        assert_eq!(time("-i", "0", true), Ok(Duration::ZERO));
        assert_eq!(time("-d", "0", false), Err("value for -d is too small: \"0\"".into()));
        assert_eq!(time("-i", "-1", true), Err("value for -i is too small: \"-1\"".into()));
        for text in ["18446744073709551615", "9999999h"] {
            assert!(time("-d", text, false).unwrap_err().starts_with("value for -d is too large"), "{text}");
        }
        assert!(time("-d", "x", false).unwrap_err().starts_with("value for -d is not an integer: \"x\""));
    }
}
