//! What holds for all inputs, on inputs drawn at random and made smaller when they fail.

mod connections;
mod cuts;
mod decoding;
mod frames;
mod javascript;
mod json;
mod tree;

use proptest::test_runner::Config;

/// A failure shows its input, which goes into a test of its own; so nothing is kept on disk.
fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
