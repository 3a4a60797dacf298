//! A server's entry in a registry.

use crate::advertise::advertised;
use crate::registries::Registries;
use libfast_model::{Address, Error, ErrorKind, Result, ServerOptions, ServiceName, Target};
use libfast_registry::{Announcement, Announcer, Record, Role};
use std::sync::Arc;

/// The entry, with what it takes to change it.
pub(crate) struct Announced {
    announcer: Arc<dyn Announcer>,
    service: ServiceName,
    record: Record,
    announcement: Announcement,
}

impl Announced {
    /// As [`announce`].
    pub async fn new(options: &ServerOptions, listening: Option<&Address>) -> Result<Option<Self>> {
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
        let record = Record {
            address: advertised(options, listening, &registry)?.to_string(),
            weight: options.weight as u32,
            zone: options.zone.clone(),
            ..Record::of_this_process("")
        };
        let announcer = Registries::open(&registry, options.zookeeper_session_ms)?.announcer;
        let announcement = announcer.announce(&service, Role::Provider, record.clone());
        announcement
            .registered()
            .await
            .map_err(|error| error.context(format!("cannot announce {service}")))?;
        Ok(Some(Self { announcer, service, record, announcement }))
    }

    /// Says in the registry that the server asks for no new calls. Returns when that is listed, or cannot be.
    pub async fn drain(&mut self) {
        let record = Record { draining: true, ..self.record.clone() };
        let draining = self.announcer.announce(&self.service, Role::Provider, record);
        // What readers rely on is that an entry never changes, so there is another one; the first goes after it has come, so
        // that the server is listed all the time.
        if draining.registered().await.is_ok() {
            std::mem::replace(&mut self.announcement, draining).withdraw().await;
        }
    }

    /// Takes the entry off and waits until the registry acknowledged it.
    pub async fn withdraw(self) {
        self.announcement.withdraw().await;
    }
}

/// Announces what `options` say, for servers of this and of other protocols: `listening` is the address listened on, if
/// libfast listens; without it `advertise` must be set. `None` if `announce` is empty. Waits until the entry is listed.
pub async fn announce(options: &ServerOptions, listening: Option<&Address>) -> Result<Option<Announcement>> {
    Ok(Announced::new(options, listening).await?.map(|announced| announced.announcement))
}
