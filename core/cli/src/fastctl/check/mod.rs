//! `fastctl check`: whether a registry works and whether those who are listed answer.

mod access;
mod ensemble;
mod item;
mod providers;

use super::asked::Asked;
use super::form::Form;
use super::subject::Subject;
use crate::exit::Exit;
use crate::output;
use futures_util::{StreamExt, TryStreamExt, stream};
use item::{Item, Status};
use libfast::{Error, ErrorKind, Record, Registry, Result, ServiceName, Target};
use libfast_registry::Role;
use libfast_zookeeper::{Inspection, ServiceInspection};
use std::time::Duration;

/// Check a registry (ensemble, session, access to it and its services, clock) and that each provider which is listed answers
#[derive(clap::Args)]
#[command(
    after_help = "Without a target, or with a registry, all of its services are checked. In ZooKeeper a node is made below the root for a moment.\n\
                        Status 6: something failed; warnings do not count."
)]
pub struct Options {
    /// A service name, HOST:PORT[,...], unix:/PATH, dir:///FOLDER[/SERVICE], zk://HOSTS/ROOT[/SERVICE] or dir:
    /// [default: $FAST_REGISTRY, else dir:]
    target: Option<String>,
    /// Only see whether providers accept connections, for services that speak another protocol
    #[arg(long)]
    tcp: bool,
    #[command(flatten)]
    form: Form,
}

/// Longest wait for a registry.
const LIMIT: Duration = Duration::from_secs(10);
/// Services that are looked at together: each takes several answers, one after the other.
const AT_ONCE: usize = 32;

/// Looks at all and prints.
pub async fn run(options: Options) -> Result<Exit> {
    let mut items = Vec::new();
    match options.target.as_deref().map(Target::parse) {
        Some(Ok(Target::Fixed(addresses))) => {
            let record = |address: libfast::Address| Record {
                address: address.to_string(),
                started_ms: 0,
                ..Record::of_this_process("")
            };
            items = providers::check("", addresses.into_iter().map(record).collect(), !options.tcp).await;
        }
        _ => match Subject::parse(options.target.as_deref())? {
            Subject::Registry(registry) => check(&registry, None, &options, &mut items).await?,
            Subject::Service(registry, service) => {
                check(&registry, Some(service), &options, &mut items).await?
            }
            Subject::Either(registry, service, whole) => {
                let asked = Asked::open(&registry, &options.form.layouts)?;
                let known = tokio::time::timeout(LIMIT, asked.knows(&service)).await;
                asked.close().await;
                match known {
                    // Not a service: then everything below it.
                    Ok(Ok(false)) => check(&whole, None, &options, &mut items).await?,
                    _ => check(&registry, Some(service), &options, &mut items).await?,
                }
            }
        },
    }
    let failed = items.iter().any(|item| item.status() == Status::Failed);
    let text = match options.form.is_json() {
        true => {
            let document = serde_json::json!({"schema": "fastctl.check/1", "ok": !failed, "items": items});
            document.to_string()
        }
        false => item::to_table(&items),
    };
    if let Err(exit) = output::line(text.into_bytes()) {
        return Ok(exit);
    }
    for remedy in items.iter().filter_map(Item::remedy) {
        output::say(&format!("  help: {remedy}"));
    }
    Ok(if failed { Exit::Slo } else { Exit::Ok })
}

async fn check(
    registry: &Registry,
    service: Option<ServiceName>,
    options: &Options,
    items: &mut Vec<Item>,
) -> Result<()> {
    if let Registry::ZooKeeper { hosts, .. } = registry {
        // As the library takes it from there.
        let tls = std::env::var_os("FAST_ZOOKEEPER_CA_FILE").is_some_and(|file| !file.is_empty());
        items.extend(ensemble::check(hosts, tls).await);
    }
    let asked = Asked::open(registry, &options.form.layouts)?;
    let looked = tokio::time::timeout(LIMIT, look(&asked, service)).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", LIMIT.as_secs());
        Err(Error::new(ErrorKind::Registry, message))
    });
    let name = asked.name();
    asked.close().await;
    match looked {
        Ok((inspection, services)) => {
            let root = inspection.as_ref().and_then(|inspection| inspection.root.clone());
            items.extend(access::of_registry(&name, inspection));
            for Looked { service, inspection, records } in services {
                if let (Some(root), Some(inspection)) = (&root, inspection) {
                    items.extend(access::of_service(&service, &inspection, root));
                }
                items.extend(providers::check(service.as_str(), records, !options.tcp).await);
            }
        }
        Err(error) => items.push(Item::failed(SESSION, name, error.message(), error.kind().spec().remedy)),
    }
    Ok(())
}

/// What was found of a service.
struct Looked {
    service: ServiceName,
    inspection: Option<ServiceInspection>,
    records: Vec<Record>,
}

/// The registry, and the service or all.
async fn look(registry: &Asked, service: Option<ServiceName>) -> Result<(Option<Inspection>, Vec<Looked>)> {
    let inspection = registry.inspect().await?;
    let services = match service {
        Some(service) => vec![service],
        None => registry.services().await?.into_iter().map(|counted| counted.service).collect(),
    };
    let looked = services.into_iter().map(|service| look_at(registry, service));
    Ok((inspection, stream::iter(looked).buffered(AT_ONCE).try_collect().await?))
}

async fn look_at(registry: &Asked, service: ServiceName) -> Result<Looked> {
    let inspection = registry.inspect_service(&service).await?;
    let records = registry.records(&service, Role::Provider).await?;
    Ok(Looked { service, inspection, records })
}

/// The check of a registry as a whole.
const SESSION: &str = "registry";
