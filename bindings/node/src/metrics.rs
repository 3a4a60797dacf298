//! The numbers of the process.

use crate::failure::thrown;
use napi_derive::napi;

/// The numbers of all clients and servers of the process, as text for Prometheus.
#[napi]
pub fn metrics_text() -> napi::Result<String> {
    thrown(|| Ok(libfast_embed::metrics_text()))
}
