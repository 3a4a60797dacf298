//! `fastctl watch`: the endpoints of a target as they come, change and go.

use super::endpoint::{Endpoint, Followed};
use super::form::Form;
use crate::exit::Exit;
use crate::{duration, output};
use libfast::{Result, Target, Timestamp};
use libfast_registry::Resolution;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Print a line for each endpoint of a target that comes, changes or goes, beginning with those that are there
#[derive(clap::Args)]
#[command(
    after_help = "A line has the time, added, changed or removed, address, weight, zone, state and key."
)]
pub struct Options {
    /// A service name, HOST:PORT[,...], unix:/PATH, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    target: String,
    /// End with status 0 after that time [default: at SIGINT, with status 130]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse, allow_hyphen_values = true)]
    duration: Option<Duration>,
    #[command(flatten)]
    form: Form,
}

#[derive(Serialize)]
struct Change<'c> {
    schema: &'static str,
    at_ms: u64,
    change: &'static str,
    #[serde(flatten)]
    endpoint: &'c Endpoint,
}

/// Prints until it is interrupted, or for the time given.
pub async fn run(options: Options) -> Result<Exit> {
    let target = Target::parse(&options.target)?;
    let mut followed = Followed::new(&target, &options.form.layouts)?;
    let exit = tokio::select! {
        exit = follow(&mut followed, &target, options.form.is_json()) => exit,
        () = rest(options.duration) => Exit::Ok,
    };
    followed.close().await;
    Ok(exit)
}

async fn rest(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Returns when there is nobody to print for.
async fn follow(followed: &mut Followed, target: &Target, json: bool) -> Exit {
    let mut known = BTreeMap::new();
    let mut resolution = followed.first().await;
    loop {
        let now: BTreeMap<String, Endpoint> = match &resolution {
            Resolution::Bound(providers) => {
                let endpoints = providers.iter().map(Endpoint::from);
                endpoints.map(|endpoint| (endpoint.address.clone(), endpoint)).collect()
            }
            Resolution::Absent => {
                output::say(&format!("no provider of {target} is listed"));
                BTreeMap::new()
            }
            Resolution::Failed(error) => {
                output::say(&format!(
                    "error[{}]: {}",
                    error.kind().spec().name,
                    output::printable(error.message())
                ));
                known.clone()
            }
            Resolution::Pending => known.clone(),
        };
        for (change, endpoint) in changes(&known, &now) {
            if let Err(exit) = output::line(line(change, endpoint, json).into_bytes()) {
                return exit;
            }
        }
        known = now;
        resolution = followed.changed().await;
    }
}

fn changes<'e>(
    before: &'e BTreeMap<String, Endpoint>,
    now: &'e BTreeMap<String, Endpoint>,
) -> Vec<(&'static str, &'e Endpoint)> {
    let gone = before.values().filter(|one| !now.contains_key(&one.address)).map(|one| ("removed", one));
    let here = now.values().filter_map(|one| match before.get(&one.address) {
        None => Some(("added", one)),
        Some(former) if former != one => Some(("changed", one)),
        Some(_) => None,
    });
    gone.chain(here).collect()
}

fn line(change: &'static str, endpoint: &Endpoint, json: bool) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at_ms = now.as_millis() as u64;
    if json {
        let change = Change { schema: "fastctl.watch/1", at_ms, change, endpoint };
        return serde_json::to_string(&change).expect("a change is plain data");
    }
    let mut cells = vec![Timestamp(at_ms).to_string(), change.to_owned()];
    cells.extend(endpoint.row());
    // As in a table: no cell is empty, so that `awk` can tell them apart. Widths cannot be known beforehand.
    let cells: Vec<_> =
        cells.iter().map(|cell| if cell.is_empty() { "-".into() } else { output::printable(cell) }).collect();
    cells.join("  ")
}
