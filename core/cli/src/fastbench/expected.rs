//! What an answer has to be.

use serde_json::{Value, json};

/// What an answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Any values, or none.
    Anything,
    /// That many values.
    Values(u64),
    /// What the method `fastbench` sends for the arguments of the workloads: exactly [`ECHOES`] times the same value.
    Echoes,
}

impl Expected {
    /// What is wrong with this value of an answer.
    pub fn wrong_value(self, text: &[u8]) -> bool {
        // Servers write it compactly, so the first comparison mostly decides.
        self == Self::Echoes
            && text != ECHO
            && !serde_json::from_slice(text).is_ok_and(|value: Value| value == echo())
    }

    /// Whether an answer may have that many values.
    pub fn right_number(self, seen: u64) -> bool {
        match self {
            Self::Anything => true,
            Self::Values(number) => seen == number,
            Self::Echoes => seen == ECHOES,
        }
    }
}

/// The arguments that make the method `fastbench` send the [`Echoes`](Expected::Echoes).
pub fn workload(delay_ms: Option<u64>) -> Value {
    let echoes: Vec<_> = (0..ECHOES).map(|_| echo()["value"].clone()).collect();
    match delay_ms {
        None => json!([{ "echo": echoes }]),
        Some(delay) => json!([{ "echo": echoes, "delay": delay }]),
    }
}

fn echo() -> Value {
    json!({ "value": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
}

const ECHO: &[u8] = br#"{"value":[0,1,2,3,4,5,6,7,8,9]}"#;
const ECHOES: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_are_compared_as_json() {
        for right in [ECHO, br#" {"value": [0,1,2,3,4,5,6,7,8,9]}"#] {
            assert!(!Expected::Echoes.wrong_value(right));
        }
        for wrong in [
            &br#"{"value":[0,1,2,3,4,5,6,7,8]}"#[..],
            b"null",
            b"{",
            br#"{"value":[0,1,2,3,4,5,6,7,8,9],"x":1}"#,
        ] {
            assert!(Expected::Echoes.wrong_value(wrong));
            assert!(!Expected::Anything.wrong_value(wrong));
        }
        assert!(Expected::Echoes.right_number(4) && !Expected::Echoes.right_number(3));
        assert!(Expected::Values(0).right_number(0) && !Expected::Values(0).right_number(1));
    }

    #[test]
    fn the_workloads_ask_for_the_echoes() {
        let args = workload(Some(150));
        assert_eq!(args[0]["delay"], 150);
        assert_eq!(args[0]["echo"].as_array().unwrap().len() as u64, ECHOES);
        assert_eq!(workload(None)[0].get("delay"), None);
    }
}
