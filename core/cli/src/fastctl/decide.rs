//! `fastctl drain` and `fastctl weight`: what an operator decides about one provider, over what it says itself.
//!
//! It is written into the registry, which every client follows, and not told to the server: so it works for servers of
//! any protocol, hung ones included, and may be done by whoever may write there, and nobody else.

use super::asked::Asked;
use super::form::Form;
use crate::exit::Exit;
use crate::output;
use crate::table::table;
use libfast::{Address, Endpoint, Error, ErrorKind, Result, ServiceName, Target};
use libfast_registry::{Override, Role};
use std::time::Duration;

/// Ask the clients of a service to make no new calls to one of its providers, as long as there is another
#[derive(clap::Args)]
#[command(
    after_help = "It is kept in the registry for the address, also when the provider is started anew, until --off. The provider is not\n\
                        stopped and goes on serving."
)]
pub struct Drain {
    #[command(flatten)]
    provider: Provider,
    /// Take it back
    #[arg(long)]
    off: bool,
}

/// Give one provider of a service another share of the calls
#[derive(clap::Args)]
#[command(
    after_help = "It is kept in the registry for the address, also when the provider is started anew, until `own`."
)]
pub struct Weight {
    #[command(flatten)]
    provider: Provider,
    /// From 0 (no new calls) to 1000000, where 100 is usual; `own` is what the provider says itself
    weight: String,
}

#[derive(clap::Args)]
struct Provider {
    /// A service name, dir:///FOLDER/SERVICE or zk://HOSTS/ROOT/SERVICE
    target: String,
    /// Its address as listed: HOST:PORT or unix:/PATH
    address: String,
    /// Also if it is not listed at present
    #[arg(long)]
    unlisted: bool,
    #[command(flatten)]
    form: Form,
}

/// Longest wait for a registry.
const LIMIT: Duration = Duration::from_secs(10);

/// Drains, or no more.
pub async fn drain(options: Drain) -> Result<Exit> {
    // Taking back is always safe.
    let unlisted = options.provider.unlisted || options.off;
    options.provider.decide(unlisted, |decided| decided.draining = !options.off).await
}

/// Sets a weight, or takes it back.
pub async fn weigh(options: Weight) -> Result<Exit> {
    let weight = match options.weight.as_str() {
        "own" => None,
        text => match text.parse().ok().and_then(|number| Endpoint::check_weight(number).ok()) {
            Some(weight) => Some(weight),
            None => {
                let most = Endpoint::MAX_WEIGHT;
                let message = format!("weight {text:?}: write a whole number from 0 to {most}, or own");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        },
    };
    let unlisted = options.provider.unlisted || weight.is_none();
    options.provider.decide(unlisted, |decided| decided.weight = weight).await
}

impl Provider {
    async fn decide(&self, unlisted: bool, change: impl Fn(&mut Override)) -> Result<Exit> {
        let invalid = |message| Error::new(ErrorKind::Invalid, message);
        let Target::Service { registry, service } = Target::parse(&self.target)? else {
            let message = format!(
                "target {:?} is an address: no registry tells its clients; name the service, then the address",
                self.target
            );
            return Err(invalid(message));
        };
        let address: Address = self.address.parse().map_err(|error| invalid(format!("{error}")))?;
        let registry = Asked::open(&registry, &self.form.layouts)?;
        let deciding = async {
            if !unlisted {
                require(&registry, &service, &address).await?;
            }
            registry.decide(&service, &address, change).await?;
            registry.overrides(&service).await
        };
        let decided = tokio::time::timeout(LIMIT, deciding).await.unwrap_or_else(|_| {
            let message = format!("{} did not answer within {} s", registry.name(), LIMIT.as_secs());
            Err(Error::new(ErrorKind::Registry, message))
        });
        registry.close().await;
        let decided = decided?.of(&address.to_string());
        Ok(output::line(self.text(&service, &address, decided).into_bytes()).err().unwrap_or(Exit::Ok))
    }

    fn text(&self, service: &ServiceName, address: &Address, decided: Override) -> String {
        if self.form.is_json() {
            let document = serde_json::json!({
                "schema": "fastctl.override/1",
                "service": service.as_str(),
                "address": address.to_string(),
                "weight": decided.weight,
                "draining": decided.draining,
            });
            return document.to_string();
        }
        let weight = decided.weight.map_or("own".into(), |weight| weight.to_string());
        let row = vec![service.to_string(), address.to_string(), weight, decided.draining.to_string()];
        table(&["SERVICE", "ADDRESS", "WEIGHT", "DRAINED"], std::iter::once(row))
    }
}

/// A mistyped address would do nothing, which an operator in a hurry takes for something.
async fn require(registry: &Asked, service: &ServiceName, address: &Address) -> Result<()> {
    let listed = registry.records(service, Role::Provider).await?;
    let mut listed: Vec<_> = listed.into_iter().map(|record| record.address).collect();
    if listed.iter().any(|one| *one == address.to_string()) {
        return Ok(());
    }
    listed.sort();
    let message = match listed.is_empty() {
        true => {
            format!("no provider of {service} is listed; with --unlisted it holds for {address} once it is")
        }
        false => format!("{address} is no provider of {service}; listed are {}", listed.join(", ")),
    };
    Err(Error::new(ErrorKind::NoEndpoint, message))
}
