//! `fastctl endpoints`: whom a client of a target would call.

use super::endpoint::{Endpoint, Followed};
use super::form::Form;
use crate::exit::Exit;
use crate::output;
use crate::table::table;
use libfast::{Error, ErrorKind, Result, Target};
use libfast_registry::Resolution;
use serde::Serialize;
use std::time::Duration;

/// List the endpoints that a client of a target would call, with the weights and states that count
#[derive(clap::Args)]
#[command(after_help = "Status 3: there is none, or the registry cannot be reached.")]
pub struct Options {
    /// A service name, HOST:PORT[,...], unix:/PATH, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    target: String,
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct Document<'d> {
    schema: &'static str,
    target: &'d str,
    endpoints: &'d [Endpoint],
}

/// Longest wait for a registry.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks once and prints.
pub async fn run(options: Options) -> Result<Exit> {
    let target = Target::parse(&options.target)?;
    let mut followed = Followed::new(&target, &options.form.layouts)?;
    let resolution = tokio::time::timeout(LIMIT, followed.first()).await;
    followed.close().await;
    let endpoints: Vec<Endpoint> = match resolution {
        Ok(Resolution::Bound(providers)) => providers.iter().map(Endpoint::from).collect(),
        Ok(Resolution::Failed(error)) => return Err(error),
        Ok(Resolution::Absent) => Vec::new(),
        Ok(Resolution::Pending) | Err(_) => {
            let message = format!("{target} was not resolved within {} s", LIMIT.as_secs());
            return Err(Error::new(ErrorKind::Registry, message));
        }
    };
    let document =
        Document { schema: "fastctl.endpoints/1", target: &target.to_string(), endpoints: &endpoints };
    let text = match options.form.is_json() {
        true => serde_json::to_string(&document).expect("a list is plain data"),
        false => table(&Endpoint::HEADER, endpoints.iter().map(Endpoint::row)),
    };
    if let Err(exit) = output::line(text.into_bytes()) {
        return Ok(exit);
    }
    match endpoints.is_empty() {
        true => {
            let message = format!("no provider of {target} is listed; start a server that announces it");
            Err(Error::new(ErrorKind::NoEndpoint, message))
        }
        false => Ok(Exit::Ok),
    }
}
