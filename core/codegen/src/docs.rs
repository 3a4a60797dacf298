//! The tables under `docs/`.

use libfast_model::{CALL_OPTIONS, ClientOptions, ErrorKind, OptionKind, OptionSpec, ServerOptions};
use std::fmt::Write as _;

/// `docs/ERRORS.md`.
pub fn errors() -> String {
    let mut text = String::from(
        "<!-- Generated from core/model by core/codegen; do not edit. -->\n# Errors\n\n\
         Every error has a code that is the same in every language, and a message that says what, where, why and what to do.\n\
         Python, Node and C++ raise the class, PHP the class with `Exception` in place of `Error`; C returns the number.\n\n\
         | code | number | class | meaning | what to do |\n|---|---|---|---|---|\n",
    );
    for row in ErrorKind::TABLE {
        let _ = writeln!(
            text,
            "| `{}` | {} | `{}` | {} | {} |",
            row.name, row.code, row.class, row.meaning, row.remedy
        );
    }
    text
}

/// `docs/OPTIONS.md`.
pub fn options() -> String {
    let mut text = String::from(
        "<!-- Generated from core/model by core/codegen; do not edit. -->\n# Options\n\n\
         Names, defaults and bounds are the same in every language. `_ms` is milliseconds, `_bytes` bytes. An unknown name or a\n\
         value out of bounds is `FAST_E_INVALID`.\n",
    );
    table(&mut text, "Clients", &ClientOptions::specs());
    let of_calls = CALL_OPTIONS.map(|name| format!("`{name}`")).join(", ");
    let _ = writeln!(text, "\nA call may have its own {of_calls}.");
    table(&mut text, "Servers and announcements", &ServerOptions::specs());
    text
}

fn table(text: &mut String, title: &str, specs: &[OptionSpec]) {
    let _ = write!(text, "\n## {title}\n\n| option | values | default | meaning |\n|---|---|---|---|\n");
    for spec in specs {
        let values = match spec.kind {
            OptionKind::Flag => "`true`, `false`".to_owned(),
            OptionKind::Text => "text".to_owned(),
            OptionKind::Integer { min, max } => format!("{min} to {max}"),
            OptionKind::IntegerOr { words, min, max } => {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("{}, {min} to {max}", words.join(", "))
            }
            OptionKind::Choice(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let default =
            if spec.default.is_empty() { "empty".to_owned() } else { format!("`{}`", spec.default) };
        let _ = writeln!(text, "| `{}` | {values} | {default} | {} |", spec.name, spec.doc);
    }
}
