//! How what was asked for is written.

/// A form of output, chosen with `--output` or `$FAST_OUTPUT`: columns for people, lines of JSON for programs (their objects
/// only ever gain members), or what suits the tool best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Auto,
    Table,
    Json,
}
