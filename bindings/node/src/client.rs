//! The native half of `Client`.

use crate::failure::{contained, thrown};
use crate::hub::Hub;
use crate::options;
use crate::outcome::{Outcome, wait_for};
use bytes::Bytes;
use libfast_embed::CallSettings;
use libfast_model::{Error, Result};
use napi_derive::napi;
use std::sync::Arc;
use std::time::Duration;

/// Numbers for each call that is started, as in `lib/starts.js`.
const HEAD: usize = 3;
/// Instead of how many values of a call come together.
const ONE_BY_ONE: f64 = -1.0;

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

    /// Starts calls, whose requests leave together. `args` has a line for each with its arguments: JSON text as
    /// JavaScript writes it has no line ends. `heads` has [`HEAD`] numbers for each: its tag, how many of its values come
    /// together ([`ONE_BY_ONE`], or more than there ever are: all), and the index of its kind. A kind is the name of a method
    /// and the options of a call. What cannot be started fails as a wait does.
    #[napi]
    pub fn start(
        &self,
        hub: &mut Hub,
        kinds: Vec<Vec<String>>,
        heads: &[f64],
        args: String,
    ) -> napi::Result<()> {
        thrown(|| {
            let kinds: Vec<_> = kinds.iter().map(|kind| (kind[0].as_str(), settings(&kind[1..]))).collect();
            libfast_embed::burst(|| {
                for (head, args) in heads.chunks_exact(HEAD).zip(args.split('\n')) {
                    let (tag, most, (method, settings)) = (head[0] as u64, head[1], &kinds[head[2] as usize]);
                    let started = contained(|| self.start_one(hub, tag, most, method, settings, args));
                    if let Err(error) = started {
                        hub.shared().bring(tag, Err(error));
                    }
                }
            });
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

impl Client {
    fn start_one(
        &self,
        hub: &mut Hub,
        tag: u64,
        most: f64,
        method: &str,
        settings: &Result<CallSettings>,
        args: &str,
    ) -> Result<()> {
        let settings = settings.as_ref().map_err(Error::clone)?;
        let args = Bytes::copy_from_slice(args.as_bytes());
        let queue = &hub.shared().queue;
        let call = if most == ONE_BY_ONE {
            self.client.start(queue, tag, method, args, settings, false)
        } else {
            self.client.start_buffered(queue, tag, method, args, settings, most as u64)
        };
        hub.add_call(tag, call?);
        Ok(())
    }
}

fn settings(pairs: &[String]) -> Result<CallSettings> {
    match pairs {
        [] => Ok(CallSettings::default()),
        pairs => options::of_call(pairs),
    }
}

/// `lib/options.js` lets through whole numbers from 0 on only.
pub fn milliseconds(ms: f64) -> Duration {
    Duration::from_millis(ms as u64)
}
