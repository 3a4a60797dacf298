//! `include/fast.h`: the functions and structs by cbindgen, the codes from the table of error kinds.

use cbindgen::{Builder, Config, DocumentationStyle, EnumConfig, Language};
use libfast_model::{ErrorKind, VERSION};
use std::fmt::Write as _;
use std::path::Path;

const INTRODUCTION: &str = "\
/* libfast: balanced calls between programs in many languages.
 *
 * Generated from ffi/ and core/model by core/codegen; do not edit.
 *
 * Conventions: fast_X_new makes, fast_X_free frees, and freeing NULL does nothing; objects may be freed in any order. Every
 * pointer is checked. Text is UTF-8, given as pointer and length; the length FAST_NTS means that it ends with a NUL, and NULL
 * with length 0 is the empty text. Bytes are copied before a function returns. A result is 0 or positive on success and
 * a negative FAST_E_ code on failure; then nothing has changed, and no output but the error is written. Pass NULL for `err`
 * to get no error object. Every function may be called from any thread unless its documentation says otherwise. No code of
 * the program runs on a thread of the library, except callbacks given to fast_queue_dispatch(). After a fork, objects of
 * the parent are FAST_E_FORKED in the child.
 */";

/// The header's text.
pub fn fast_h(ffi: &Path) -> String {
    let config = Config {
        language: Language::C,
        include_guard: Some("FAST_H".into()),
        header: Some(INTRODUCTION.into()),
        after_includes: Some(format!("{}\n{}", version(), codes())),
        cpp_compat: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into(), "stdbool.h".into()],
        documentation_style: DocumentationStyle::Doxy,
        usize_is_size_t: true,
        style: cbindgen::Style::Both,
        line_length: 110,
        enumeration: EnumConfig::default(),
        ..Config::default()
    };
    let mut bytes = Vec::new();
    Builder::new()
        .with_config(config)
        .with_crate(ffi)
        .with_parse_deps(false)
        .generate()
        .expect("the functions of ffi/ are what cbindgen understands")
        .write(&mut bytes);
    let text = String::from_utf8(bytes).expect("cbindgen writes UTF-8");
    without_rust(&text)
}

/// Safety sections are for readers of the Rust source; the conventions above say the same to readers of C.
fn without_rust(text: &str) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line == " * # Safety" {
            // Drops the empty line before the heading, too.
            out.truncate(out.trim_end_matches(" *\n").len());
            skipping = true;
        }
        skipping &= line != " */";
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.replace("UINTPTR_MAX", "SIZE_MAX")
}

fn version() -> String {
    let parts: Vec<&str> = VERSION.split('.').collect();
    let mut text = String::new();
    for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(parts) {
        let _ = writeln!(text, "#define FAST_VERSION_{name} {part}");
    }
    text.push_str("/* Length argument of text that ends with a NUL. */\n#define FAST_NTS ((size_t)-1)\n");
    text.push_str(
        "#define FAST_VERSION_NUM ((FAST_VERSION_MAJOR << 16) | (FAST_VERSION_MINOR << 8) | FAST_VERSION_PATCH)\n",
    );
    text
}

fn codes() -> String {
    let mut text = String::from("enum {\n  /* success */\n  FAST_OK = 0,\n");
    text.push_str("  /* there is nothing more */\n  FAST_END = 1,\n  /* nothing yet, or not now: try again */\n  FAST_AGAIN = 2,\n");
    for row in ErrorKind::TABLE {
        let _ = writeln!(text, "  /* {} {} */\n  {} = {},", row.meaning, row.remedy, row.name, row.code);
    }
    text.push_str("};");
    text
}
