//! Announcing and picking for programs that speak another protocol.

use crate::failure::thrown;
use crate::hub::Hub;
use crate::options;
use crate::outcome::{Outcome, wait_for};
use napi_derive::napi;
use std::sync::Arc;
use std::time::Duration;

#[napi]
pub struct Announced(pub(crate) Arc<libfast_embed::Announced>);

#[napi]
impl Announced {
    #[napi]
    pub fn state(&self) -> napi::Result<String> {
        thrown(|| self.0.state().map(str::to_owned))
    }

    /// `weight` is a whole number; `lib/announced.js` sees to it.
    #[napi]
    pub fn set_weight(&self, hub: &Hub, tag: f64, weight: f64) -> napi::Result<()> {
        let announced = self.0.clone();
        let work = move || announced.set_weight(weight as u64).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn set_metadata(&self, hub: &Hub, tag: f64, metadata: String) -> napi::Result<()> {
        let announced = self.0.clone();
        let work = move || announced.set_metadata(&metadata).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    /// Each change of the state comes with `tag`.
    #[napi]
    pub fn watch(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        thrown(|| self.0.watch(&hub.shared().queue, tag as u64))
    }

    #[napi]
    pub fn withdraw(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let announced = self.0.clone();
        let work = move || announced.withdraw().map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }
}

/// Announces what the options say; the outcome is an [`Announced`].
#[napi]
pub fn announce(hub: &Hub, tag: f64, pairs: Vec<String>) -> napi::Result<()> {
    thrown(|| {
        let config = options::of_server(&pairs)?;
        let work = move || {
            let announced = libfast_embed::Announced::new(&config)?;
            Ok(Outcome::Announced(Announced(Arc::new(announced))))
        };
        wait_for(hub.shared(), tag as u64, work)
    })
}

#[napi]
pub struct Picked(pub(crate) libfast_embed::Picked);

#[napi]
impl Picked {
    #[napi]
    pub fn endpoint(&self) -> String {
        self.0.endpoint().to_owned()
    }

    /// `latency_ms` is finite and not negative; `lib/client.js` sees to it.
    #[napi]
    pub fn report(&self, latency_ms: f64, ok: bool) -> napi::Result<()> {
        let latency = Duration::try_from_secs_f64(latency_ms / 1e3).unwrap_or_default();
        thrown(|| self.0.report(latency, ok))
    }
}
