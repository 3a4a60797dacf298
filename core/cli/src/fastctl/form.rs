//! The form of the output, an option of every verb.

use crate::format::Format;

#[derive(clap::Args)]
pub struct Form {
    /// How to write it; auto is table
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "auto",
        env = "FAST_OUTPUT",
        hide_env_values = true
    )]
    output: Format,
}

impl Form {
    pub fn is_json(&self) -> bool {
        matches!(self.output, Format::Json)
    }
}
