//! How the runner of each language is started, from the root of the repository.

pub struct Language {
    pub name: &'static str,
    pub command: &'static [&'static str],
}

pub const LANGUAGES: &[Language] = &[
    Language { name: "rust", command: &["target/release/examples/scenarios"] },
    Language { name: "c", command: &[".build/c/c/run"] },
    Language { name: "cpp", command: &[".build/c/cpp/run"] },
    Language { name: "python", command: &[".build/venv/bin/python", "tests/scenarios/run.py"] },
    Language { name: "node", command: &["node", "tests/scenarios/run.mjs"] },
    Language { name: "php", command: &["php", "tests/scenarios/run.php"] },
];
