//! The values of an answer on standard output.

use crate::exit::Exit;
use crate::format::Format;
use crate::output::{self, compact};
use crate::table::table;
use libfast::Value;
use serde_json::value::RawValue;

/// Prints values as they come, or as a table of many of them.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    /// Members by name, of the values that are yet to be printed as a table.
    rows: Vec<Vec<(String, String)>>,
    /// How long these values are as JSON.
    bytes: usize,
}

impl Printer {
    /// A printer of that format.
    pub fn new(format: Format) -> Self {
        Self { format, rows: Vec::new(), bytes: 0 }
    }

    /// Prints a value. The error is how the tool ends.
    pub fn value(&mut self, value: Value) -> Result<(), Exit> {
        if self.format != Format::Table {
            return output::line(compact(&value.into_bytes()));
        }
        self.bytes += value.text().len();
        self.rows.push(members(value.text()));
        if self.rows.len() >= MOST_ROWS || self.bytes >= MOST_BYTES { self.end() } else { Ok(()) }
    }

    /// Prints what is left.
    pub fn end(&mut self) -> Result<(), Exit> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let mut header: Vec<&str> = Vec::new();
        for (name, _) in rows.iter().flatten() {
            if header.len() < MOST_COLUMNS && !header.contains(&name.as_str()) {
                header.push(name);
            }
        }
        let cell = |row: &[(String, String)], name: &str| {
            // Of two members with one name the last counts, as in JavaScript.
            row.iter().rfind(|(known, _)| known == name).map_or(String::new(), |(_, text)| text.clone())
        };
        let cells = rows.iter().map(|row| header.iter().map(|name| cell(row, name)).collect());
        output::line(table(&header, cells).into_bytes())
    }
}

/// The members of an object in their order; of anything else, one without a name.
fn members(text: &str) -> Vec<(String, String)> {
    match serde_json::from_str::<Members>(text) {
        Ok(members) => members.0,
        Err(_) => vec![(UNNAMED.into(), shown(text))],
    }
}

/// A text without its quotes, anything else as JSON.
fn shown(json: &str) -> String {
    serde_json::from_str(json)
        .unwrap_or_else(|_| String::from_utf8_lossy(&compact(json.as_bytes())).into_owned())
}

/// The column of values that are no objects.
const UNNAMED: &str = "(value)";
/// Values, and bytes of these, that are kept to find the widths of their columns; then the next table begins.
const MOST_ROWS: usize = 1_000;
const MOST_BYTES: usize = 4 << 20;
/// A table with more columns is of no use to anybody.
const MOST_COLUMNS: usize = 100;

/// Members in the order in which they came, which a map would not keep.
struct Members(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, shown(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_texts_lose_their_quotes() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let members = members(r#"{ "b": "x\ty", "a": { "c": [1.50] }, "n": null, "b": 1e999 }"#);
        assert_eq!(
            members,
            [pair("b", "x\ty"), pair("a", r#"{"c":[1.50]}"#), pair("n", "null"), pair("b", "1e999")]
        );
        assert_eq!(super::members("[1, 2]"), [pair("(value)", "[1,2]")]);
        assert_eq!(super::members(r#""text""#), [pair("(value)", "text")]);
    }
}
