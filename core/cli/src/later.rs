//! Tools that have their name already and their content in a later release.

use crate::exit::Exit;
use std::ffi::OsString;

/// Not part of this release yet
#[derive(clap::Args)]
pub struct Options {
    /// Whatever scripts for other releases pass
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<OsString>,
}

/// Says that the tool is not there.
pub fn run(tool: &str) -> Exit {
    crate::output::say(&format!("{tool} is not part of this release yet"));
    Exit::Usage
}
