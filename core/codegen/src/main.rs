//! Writes every generated file of the repository, or with `--check` fails if one is stale.
//!
//! The sources are the tables of `core/model` and the functions of `ffi`. The results are committed, so that a build needs no
//! generator: `include/fast.h`, the part of it that PHP reads, the constants of the bindings, and the tables under `docs/`.

mod docs;
mod header;
mod metrics;
mod php;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One generated file: its path from the root of the repository, and its text.
struct Generated {
    path: &'static str,
    text: String,
}

fn main() -> ExitCode {
    let check = std::env::args().nth(1).is_some_and(|arg| arg == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let stale: Vec<_> =
        generate(&root).into_iter().filter(|file| is_stale(&root.join(file.path), &file.text)).collect();
    for file in &stale {
        if check {
            eprintln!("stale: {} (run `make generate`)", file.path);
            continue;
        }
        if let Err(error) = write(&root.join(file.path), &file.text) {
            eprintln!("cannot write {}: {error}", file.path);
            return ExitCode::FAILURE;
        }
        println!("wrote {}", file.path);
    }
    if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn generate(root: &Path) -> Vec<Generated> {
    let header = header::fast_h(&root.join("ffi"));
    vec![
        Generated { path: "bindings/php/src/fast_php.h", text: php::declarations(&header) },
        Generated { path: "bindings/php/src/Codes.php", text: php::codes(&header) },
        Generated { path: "bindings/php/src/Exceptions.php", text: php::exceptions() },
        Generated { path: "docs/ERRORS.md", text: docs::errors() },
        Generated { path: "docs/METRICS.md", text: metrics::metrics() },
        Generated { path: "docs/OPTIONS.md", text: docs::options() },
        Generated { path: "include/fast.h", text: header },
    ]
}

fn is_stale(path: &PathBuf, text: &str) -> bool {
    std::fs::read_to_string(path).ok().as_deref() != Some(text)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
