//! `fastctl`: looks at registries and services, and decides about providers. One module per noun or verb.

mod announce;
mod asked;
mod check;
mod decide;
mod endpoint;
mod endpoints;
mod form;
mod listing;
mod ls;
mod subject;
mod watch;

use crate::exit::{self, Exit, Interrupt};
use libfast::Result;

/// Look at registries and services, and decide about providers
#[derive(clap::Args)]
#[command(disable_help_subcommand = true)]
pub struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    Ls(ls::Options),
    Endpoints(endpoints::Options),
    Watch(watch::Options),
    Check(check::Options),
    Announce(announce::Options),
    Drain(decide::Drain),
    Weight(decide::Weight),
}

/// Does what was asked.
pub async fn run(options: Options) -> Exit {
    let done = match options.verb {
        // It has something to take back when it is interrupted.
        Verb::Announce(options) => announce::run(options).await,
        verb => interruptible(verb).await,
    };
    done.unwrap_or_else(|error| exit::fail(&error, ""))
}

async fn interruptible(verb: Verb) -> Result<Exit> {
    let _interrupt = Interrupt::ends_with(Exit::Interrupted)?;
    match verb {
        Verb::Ls(options) => ls::run(options).await,
        Verb::Endpoints(options) => endpoints::run(options).await,
        Verb::Watch(options) => watch::run(options).await,
        Verb::Check(options) => check::run(options).await,
        Verb::Announce(options) => announce::run(options).await,
        Verb::Drain(options) => decide::drain(options).await,
        Verb::Weight(options) => decide::weigh(options).await,
    }
}
