//! The native half of `Client`.

use crate::failure::thrown;
use crate::hub::Hub;
use crate::options;
use crate::outcome::{Outcome, wait_for};
use bytes::Bytes;
use libfast_embed::CallSettings;
use libfast_model::Result;
use napi_derive::napi;
use std::sync::Arc;
use std::time::Duration;

#[napi]
pub struct Client {
    client: Arc<libfast_embed::Client>,
    window: u32,
}

#[napi]
impl Client {
    #[napi(constructor)]
    pub fn new(target: String, pairs: Vec<String>) -> napi::Result<Self> {
        thrown(|| {
            let config = options::of_client(&pairs)?;
            let window = config.client()?.window as u32;
            Ok(Self { client: Arc::new(libfast_embed::Client::new(&target, &config)?), window })
        })
    }

    /// Values that a stream may have handed out and not granted again.
    #[napi]
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Starts a call. With `collect` it comes as one event with all its values, otherwise value by value.
    #[napi]
    pub fn start(
        &self,
        hub: &mut Hub,
        tag: f64,
        method: String,
        args: String,
        pairs: Option<Vec<String>>,
        collect: bool,
    ) -> napi::Result<()> {
        thrown(|| {
            let settings = settings(pairs)?;
            let queue = &hub.shared().queue;
            let call =
                self.client.start(queue, tag as u64, &method, Bytes::from(args), &settings, collect)?;
            hub.add_call(tag as u64, call, false);
            Ok(())
        })
    }

    /// Starts a call that comes as one event with its first `most` values, the count of all, and its error if it failed.
    #[napi]
    #[allow(clippy::too_many_arguments)]
    pub fn start_buffered(
        &self,
        hub: &mut Hub,
        tag: f64,
        method: String,
        args: String,
        pairs: Option<Vec<String>>,
        most: f64,
    ) -> napi::Result<()> {
        thrown(|| {
            let settings = settings(pairs)?;
            let queue = &hub.shared().queue;
            let args = Bytes::from(args);
            let call =
                self.client.start_buffered(queue, tag as u64, &method, args, &settings, most as u64)?;
            hub.add_call(tag as u64, call, true);
            Ok(())
        })
    }

    #[napi]
    pub fn ready(&self, hub: &Hub, tag: f64, timeout_ms: f64) -> napi::Result<()> {
        let client = self.client.clone();
        let work = move || client.ready(milliseconds(timeout_ms)).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn pick(&self, hub: &Hub, tag: f64) -> napi::Result<()> {
        let client = self.client.clone();
        let work = move || Ok(Outcome::Picked(crate::announced::Picked(client.pick()?)));
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }

    #[napi]
    pub fn stats(&self) -> napi::Result<String> {
        thrown(|| self.client.stats())
    }

    #[napi]
    pub fn kang(&self) -> napi::Result<String> {
        thrown(|| self.client.kang())
    }

    #[napi]
    pub fn close(&self, hub: &Hub, tag: f64, drain_ms: f64) -> napi::Result<()> {
        let client = self.client.clone();
        let work = move || client.close(milliseconds(drain_ms)).map(|()| Outcome::Nothing);
        thrown(|| wait_for(hub.shared(), tag as u64, work))
    }
}

fn settings(pairs: Option<Vec<String>>) -> Result<CallSettings> {
    pairs.map_or(Ok(CallSettings::default()), |pairs| options::of_call(&pairs))
}

/// `lib/options.js` lets through whole numbers from 0 on only.
pub fn milliseconds(ms: f64) -> Duration {
    Duration::from_millis(ms as u64)
}
