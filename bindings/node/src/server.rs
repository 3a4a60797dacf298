//! The native half of `Server`. Requests come through the hub.

use crate::client::milliseconds;
use crate::failure::thrown;
use crate::hub::Hub;
use crate::options;
use crate::outcome::{Outcome, tell, wait_for};
use napi_derive::napi;
use std::sync::Arc;

#[napi]
pub struct Server(Arc<libfast_embed::Server>);

#[napi]
impl Server {
    #[napi(constructor)]
    pub fn new(pairs: Vec<String>) -> napi::Result<Self> {
        thrown(|| Ok(Self(Arc::new(libfast_embed::Server::new(&options::of_server(&pairs)?)?))))
    }

    /// Adds a method; its requests come with `tag`.
    #[napi]
    pub fn method(&self, hub: &Hub, name: String, tag: f64) -> napi::Result<()> {
        thrown(|| self.0.handle(&name, &hub.shared().queue, tag as u64))
    }

    #[napi]
    pub fn start(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.start().map(Outcome::Text);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn announce(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.announce().map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    /// `weight` is a whole number; `lib/server.js` sees to it.
    #[napi]
    pub fn set_weight(&self, hub: &Hub, tag: f64, weight: f64) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.set_weight(weight as u64).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn set_metadata(&self, hub: &Hub, tag: f64, metadata: String) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.set_metadata(&metadata).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn announcement(&self) -> napi::Result<String> {
        thrown(|| self.0.announcement().map(str::to_owned))
    }

    /// Each change of that comes with `tag`.
    #[napi]
    pub fn watch_announcement(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        thrown(|| self.0.watch_announcement(&hub.shared().queue, tag as u64))
    }

    #[napi]
    pub fn stop_accepting(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.stop_accepting().map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    /// The outcome comes when no connection is open.
    #[napi]
    pub fn connections_closed(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let waker = tell(hub.shared(), tag as u64);
        thrown(|| {
            if self.0.poll_connections_closed(&waker)? {
                waker.wake();
            }
            Ok(())
        })
    }

    #[napi]
    pub fn set_rate_limits(&self, limits: String) -> napi::Result<()> {
        thrown(|| self.0.set_rate_limits(&limits))
    }

    #[napi]
    pub fn kick(&self, client: String, time_ms: f64) -> napi::Result<()> {
        thrown(|| self.0.kick(&client, milliseconds(time_ms)))
    }

    #[napi]
    pub fn kang(&self) -> napi::Result<String> {
        thrown(|| self.0.kang())
    }

    /// Without `drain_ms` it drains for as long as the option of that name says.
    #[napi]
    pub fn stop(&self, hub: &Hub, tag: f64, drain_ms: Option<f64>) -> napi::Result<()> {
        let server = self.0.clone();
        let work = move || server.stop(drain_ms.map(milliseconds)).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }
}
