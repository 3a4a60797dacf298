//! What clients and servers count and measure.
//!
//! What there is, is declared in `core/model`. A [`Metrics`] keeps the numbers; clients and servers hold handles to
//! those they change, looked up when a method, an endpoint or a connection is new, so that a call finds no maps and
//! makes no text. [`Metrics::text`] is what a scraper reads.

mod client;
mod durations;
mod families;
mod histogram;
mod legacy;
mod registry;
mod server;
mod text;
mod traffic;
mod untold;

pub(crate) use client::{ClientMeter, ClientMethod, ClientMethods, EndpointMeter};
pub(crate) use registry::RegistryMeter;
pub(crate) use server::{GateMeter, MethodMeter, ServerMeter};
pub(crate) use untold::Untold;

use families::Families;
use libfast_model::Error;
use std::sync::{Arc, OnceLock};

/// A set of metrics. Cheap to clone; clones are the same set. Clients and servers record into [`global`](Self::global)
/// unless they are given another.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Families>);

impl Metrics {
    /// A set of its own.
    pub fn new() -> Self {
        Self(Arc::new(Families::new()))
    }

    /// The set that all clients and servers of the process share.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Metrics> = OnceLock::new();
        GLOBAL.get_or_init(Self::new)
    }

    /// The current numbers in Prometheus' text format, version 0.0.4.
    pub fn text(&self) -> String {
        text::prometheus(&self.open_metrics_text())
    }

    /// The current numbers in the text format of OpenMetrics 1.0.
    pub fn open_metrics_text(&self) -> String {
        text::open_metrics(&self.0)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The current numbers of all clients and servers of the process, in Prometheus' text format, version 0.0.4.
pub fn metrics_text() -> String {
    Metrics::global().text()
}

/// What is recorded as `error_type`: the name that the peer gave, or the code of the library's own error.
pub(crate) fn error_type(error: &Error) -> &str {
    error.remote().map_or(error.kind().name(), |remote| &remote.name)
}
