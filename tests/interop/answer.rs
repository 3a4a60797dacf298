//! What a client got, in a form that all clients share.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// What came of one case.
#[derive(Debug, Deserialize)]
pub struct Outcome {
    pub answers: Vec<Answer>,
    /// The calls in the order in which they ended.
    pub order: Vec<usize>,
}

/// What one call got.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// As text, because not every JSON parser keeps everything that a peer may send.
    pub values: Vec<Box<RawValue>>,
    pub error: Option<Failure>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Failure {
    /// `remote`, `timeout`, `abandoned`, `protocol`, `lost`, or `text` of a client that knows no more than a text.
    pub kind: String,
    pub name: String,
    pub message: String,
    pub info: Json,
    #[serde(default)]
    pub context: Json,
}

/// What a case must give.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub answers: Vec<ExpectedAnswer>,
    /// The calls must not end in the order in which they were made.
    pub shuffled: bool,
}

#[derive(Debug, Clone, Default)]
pub struct ExpectedAnswer {
    pub values: Vec<String>,
    /// Some of the values may be missing at the end, which the protocol allows before an error.
    pub prefix: bool,
    pub error: Option<ExpectedFailure>,
}

#[derive(Debug, Clone, Default)]
pub struct ExpectedFailure {
    pub kind: &'static str,
    /// Name, message and the members that the info must have. `None`: whatever they are.
    pub said: Option<(String, String, Json)>,
    /// What the server's error has as its context. Null: whatever it is.
    pub context: Json,
}

impl Outcome {
    pub fn compare(&self, expected: &Expected) -> Result<(), String> {
        if self.answers.len() != expected.answers.len() {
            return Err(format!("{} answers instead of {}", self.answers.len(), expected.answers.len()));
        }
        for (i, (answer, expected)) in self.answers.iter().zip(&expected.answers).enumerate() {
            answer.compare(expected).map_err(|why| format!("call {i}: {why}"))?;
        }
        match expected.shuffled && self.order.is_sorted() {
            true => Err("the calls ended in the order in which they were made".into()),
            false => Ok(()),
        }
    }
}

impl Answer {
    fn compare(&self, expected: &ExpectedAnswer) -> Result<(), String> {
        let values: Vec<&str> = self.values.iter().map(|value| value.get()).collect();
        let count = if expected.prefix { values.len() } else { expected.values.len() };
        let fits = values.len() == count
            && count <= expected.values.len()
            && values.iter().zip(&expected.values).all(|(found, expected)| same(found, expected));
        if !fits {
            return Err(format!(
                "values {} instead of {}, error {:?}",
                shown(&values),
                shown(&expected.values),
                self.error
            ));
        }
        match (&self.error, &expected.error) {
            (None, None) => Ok(()),
            (Some(found), Some(expected)) if found.is(expected) => Ok(()),
            (found, expected) => Err(format!("error {found:?} instead of {expected:?}")),
        }
    }
}

impl Failure {
    fn is(&self, expected: &ExpectedFailure) -> bool {
        let said = match (&expected.said, expected.kind) {
            (None, _) => true,
            (Some((name, message, _)), "text") if name.is_empty() => self.message == *message,
            (Some((name, message, _)), "text") => self.message == format!("{name}: {message}"),
            (Some((name, message, info)), _) => {
                let has = |(key, value): (&String, &Json)| self.info.get(key) == Some(value);
                (&self.name, &self.message) == (name, message)
                    && info.as_object().expect("infos are objects").iter().all(has)
            }
        };
        let context =
            expected.context.is_null() || expected.kind == "text" || self.context == expected.context;
        self.kind == expected.kind && said && context
    }
}

/// The same value, spelt alike or not. A text that the parser here refuses must be spelt alike.
fn same(found: &str, expected: &str) -> bool {
    let parse = |text| serde_json::from_str::<Json>(text).ok();
    found == expected || parse(found).is_some_and(|found| Some(found) == parse(expected))
}

/// Short enough for a message.
fn shown(values: &[impl AsRef<str>]) -> String {
    let short = |value: &str| value.chars().take(80).collect::<String>();
    let first: Vec<_> = values.iter().take(12).map(|value| short(value.as_ref())).collect();
    format!("{first:?} ({} in all)", values.len())
}
