//! `fastctl`: looks at registries and services. One module per noun.

mod listing;
mod ls;
mod subject;

use crate::exit::{self, Exit};

/// Look at registries and services
#[derive(clap::Args)]
#[command(disable_help_subcommand = true)]
pub struct Options {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(clap::Subcommand)]
enum Noun {
    Ls(ls::Options),
}

/// How what was found is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Columns for people
    Table,
    /// One line of JSON for programs; it only ever gains members
    Json,
}

/// Does what was asked.
pub async fn run(options: Options) -> Exit {
    let done = match exit::on_interrupt() {
        Ok(()) => match options.noun {
            Noun::Ls(options) => ls::run(options).await,
        },
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| exit::fail(&error, ""))
}
