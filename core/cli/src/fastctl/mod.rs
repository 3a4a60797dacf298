//! `fastctl`: looks at registries and services. One module per noun.

mod listing;
mod ls;
mod subject;

use crate::exit::{self, Exit, Interrupt};

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

/// Does what was asked.
pub async fn run(options: Options) -> Exit {
    let done = match Interrupt::ends_with(Exit::Interrupted) {
        Ok(_) => match options.noun {
            Noun::Ls(options) => ls::run(options).await,
        },
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| exit::fail(&error, ""))
}
