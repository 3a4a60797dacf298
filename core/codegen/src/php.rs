//! What PHP needs: the header without what its parser does not know, and the constants of the header as a class.

use std::fmt::Write as _;

/// The declarations: no preprocessor lines, no comments, no `extern "C"`. The first two lines are for `ffi.preload`;
/// `FFI::cdef` passes over them.
pub fn declarations(header: &str) -> String {
    let mut text = String::from(
        "#define FFI_SCOPE \"FAST\"\n#define FFI_LIB \"libfast.so.1\"\n\
         /* Derived from include/fast.h by core/codegen; do not edit. */\n",
    );
    for line in without_comments(header).lines() {
        let line = line.trim_end();
        let skipped = line.starts_with('#') || line == "extern \"C\" {" || line.starts_with("}  // extern");
        if !skipped && !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The constants: codes by name, and the other numbers.
pub fn codes(header: &str) -> String {
    let mut text = String::from(
        "<?php\n\n// Derived from include/fast.h by core/codegen; do not edit.\n\ndeclare(strict_types=1);\n\nnamespace Fast;\n\n\
         /** The numbers of the C ABI. */\nfinal class Codes\n{\n",
    );
    for line in without_comments(header).lines() {
        let number = line.strip_prefix("#define ").and_then(|rest| rest.split_once(' '));
        let code = line.trim().strip_suffix(',').and_then(|rest| rest.split_once(" = "));
        if let Some((name, value)) = number.or(code).filter(|(_, value)| value.parse::<i64>().is_ok()) {
            let name = name.trim_start_matches("FAST_");
            let _ = writeln!(text, "    public const {name} = {value};");
        }
    }
    text.push_str("\n    /** Code to the class of its exception. */\n    public const CLASSES = [\n");
    for row in libfast_model::ErrorKind::TABLE {
        let _ = writeln!(text, "        {} => ['{}', {}::class],", row.code, row.name, exception(row.class));
    }
    text.push_str("    ];\n}\n");
    text
}

/// The classes of the exceptions, each with what its errors mean and what to do about them.
pub fn exceptions() -> String {
    let mut text = String::from(
        "<?php\n\n// Derived from core/model/src/error_kind.rs by core/codegen; do not edit.\n\ndeclare(strict_types=1);\n\n\
         namespace Fast;\n",
    );
    let rows = libfast_model::ErrorKind::TABLE;
    for (i, row) in rows.iter().enumerate() {
        // Two codes may share a class.
        if rows[..i].iter().any(|earlier| earlier.class == row.class) {
            continue;
        }
        text.push_str("\n/**\n");
        for row in rows.iter().filter(|other| other.class == row.class) {
            let _ = writeln!(text, " * {}: {} {}", row.name, row.meaning, row.remedy);
        }
        let _ = writeln!(text, " */\nclass {} extends FastException\n{{\n}}", exception(row.class));
    }
    text
}

/// PHP calls them exceptions.
fn exception(class: &str) -> String {
    class.replace("Error", "Exception")
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}
