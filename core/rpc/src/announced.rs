//! A server's entry in a registry.

use crate::advertise::advertised;
use crate::registries::Registries;
use libfast_model::{Address, Error, ErrorKind, Result, ServerOptions, Target, parse_metadata};
use libfast_registry::{Announcement, AnnouncementState, Record, Role};
use tokio::sync::watch;

/// Announces what `options` say, for servers of this and of other protocols: `listening` is the address listened on, if
/// libfast listens; without it `advertise` must be set. `None` if `announce` is empty. Waits until the entry is
/// listed, at most 5 s; with a registry that cannot be reached it goes on trying by itself, as the state tells.
pub async fn announce(options: &ServerOptions, listening: Option<&Address>) -> Result<Option<Announcement>> {
    announce_telling(options, options.weight, listening, |_| {}).await
}

/// As [`announce`] with that weight. `hear` gets how far it is, from the beginning on.
pub(crate) async fn announce_telling(
    options: &ServerOptions,
    weight: u64,
    listening: Option<&Address>,
    hear: impl FnOnce(watch::Receiver<AnnouncementState>),
) -> Result<Option<Announcement>> {
    if options.announce.is_empty() {
        return Ok(None);
    }
    let within = |error: Error| error.context("option \"announce\"");
    let Target::Service { registry, service } = Target::parse(&options.announce).map_err(within)? else {
        let message = format!(
            "option \"announce\": {:?} is an address; name a service, as in calc, dir:///folder/calc or zk://host/root/calc",
            options.announce
        );
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let metadata = parse_metadata(&options.metadata)?;
    let (option, listening, of) = (options.advertise.clone(), listening.cloned(), registry.clone());
    let found = tokio::task::spawn_blocking(move || advertised(&option, listening.as_ref(), &of)).await;
    let address = found.map_err(|error| Error::new(ErrorKind::Panic, error.to_string()))??;
    let record = Record {
        address: address.to_string(),
        weight: weight as u32,
        zone: options.zone.clone(),
        metadata,
        metrics: options.advertise_metrics.clone(),
        ..Record::of_this_process("")
    };
    let announcer = Registries::open(&registry, &options.layouts, options.zookeeper())?.announcer;
    let announcement = announcer.announce(&service, Role::Provider, record);
    hear(announcement.watch_state());
    let begun = announcement.begun().await;
    begun.map_err(|error| error.context(format!("cannot announce {service}")))?;
    Ok(Some(announcement))
}
