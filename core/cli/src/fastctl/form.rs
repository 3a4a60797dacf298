//! The options of every verb: the form of the output, and the layouts that are read.

use super::asked::OWN;
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
    /// How services are listed in ZooKeeper, as the option `layouts` of servers and clients (docs/OPTIONS.md)
    #[arg(long, value_name = "LAYOUTS", default_value = OWN)]
    pub layouts: String,
}

impl Form {
    pub fn is_json(&self) -> bool {
        matches!(self.output, Format::Json)
    }
}
