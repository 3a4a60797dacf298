//! A server's entry in a registry.

use crate::advertise::advertised;
use crate::registries::Registries;
use libfast_model::{
    Address, Endpoint, Error, ErrorKind, Metadata, Result, ServerOptions, Target, parse_metadata,
};
use libfast_registry::{Announcement, AnnouncementState, Record, Role};
use tokio::sync::watch;

/// Announces what `options` say, for servers of this and of other protocols: `listening` is the address listened on, if
/// libfast listens; without it `advertise` must be set. `None` if `announce` is empty. Waits until the entry is
/// listed, at most 5 s; with a registry that cannot be reached it goes on trying by itself, as the state tells.
pub async fn announce(options: &ServerOptions, listening: Option<&Address>) -> Result<Option<Announcement>> {
    announce_telling(options, Said::of(options)?, listening, |_| {}).await
}

/// What a server says of itself that can change while it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub weight: u32,
    pub metadata: Metadata,
}

impl Said {
    /// At first.
    pub fn of(options: &ServerOptions) -> Result<Self> {
        let weight = Endpoint::check_weight(options.weight)?;
        Ok(Self { weight, metadata: parse_metadata(&options.metadata)? })
    }

    /// What an entry says of it.
    pub fn by(record: Record) -> Self {
        Self { weight: record.weight, metadata: record.metadata }
    }

    /// Has an entry say it.
    pub fn write(self, record: &mut Record) {
        (record.weight, record.metadata) = (self.weight, self.metadata);
    }
}

/// As [`announce`], but it says `said`. `hear` gets how far it is, from the beginning on.
pub(crate) async fn announce_telling(
    options: &ServerOptions,
    said: Said,
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
    let (option, listening, of) = (options.advertise.clone(), listening.cloned(), registry.clone());
    let found = tokio::task::spawn_blocking(move || advertised(&option, listening.as_ref(), &of)).await;
    let address = found.map_err(|error| Error::new(ErrorKind::Panic, error.to_string()))??;
    let mut record = Record {
        address: address.to_string(),
        zone: options.zone.clone(),
        metrics: options.advertise_metrics.clone(),
        ..Record::of_this_process("")
    };
    said.write(&mut record);
    let announcer = Registries::open(&registry, &options.layouts, options.zookeeper())?.announcer;
    let announcement = announcer.announce(&service, Role::Provider, record);
    hear(announcement.watch_state());
    let begun = announcement.begun().await;
    begun.map_err(|error| error.context(format!("cannot announce {service}")))?;
    Ok(Some(announcement))
}
