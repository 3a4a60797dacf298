//! `fastctl ls`: who is listed.

use super::form::Form;
use super::listing::Listing;
use super::subject::Subject;
use crate::exit::Exit;
use crate::output;
use libfast::{Error, ErrorKind, Result};
use std::time::Duration;

/// List the services of a registry, or the providers and consumers of a service
#[derive(clap::Args)]
#[command(
    after_help = "Where a target can mean either, as in dir:///a/b, it is a service if one of that name was ever announced;\n\
                        write a slash at its end to mean the registry."
)]
pub struct Options {
    /// A service name, dir:///FOLDER[/SERVICE], zk://HOSTS/ROOT[/SERVICE] or dir: [default: $FAST_REGISTRY, else dir:]
    target: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Lists and prints.
pub async fn run(options: Options) -> Result<Exit> {
    let subject = Subject::parse(options.target.as_deref())?;
    let listing = tokio::time::timeout(LIMIT, Listing::of(&subject, &options.form.layouts))
        .await
        .unwrap_or_else(|_| {
            let message = format!("{subject} did not answer within {} s", LIMIT.as_secs());
            Err(Error::new(ErrorKind::Registry, message))
        })?;
    let text = match options.form.is_json() {
        true => listing.to_json(),
        false => listing.to_table(),
    };
    Ok(output::line(text.into_bytes()).err().unwrap_or(Exit::Ok))
}

/// Longest wait for a registry.
const LIMIT: Duration = Duration::from_secs(10);
