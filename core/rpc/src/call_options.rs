//! How one call is made.

use crate::affinity::Affinity;
use crate::observer::CallObserver;
use libfast_model::ClientOptions;
use std::time::Duration;

/// How one call differs from its client's options. Made by `Client::call_options`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallOptions {
    /// Longest the call may take, to its last message, retries included. `None` means no limit.
    pub timeout: Option<Duration>,
    /// Repeat it on another endpoint although the server may have run it.
    pub idempotent: bool,
    /// How often to repeat it, where that is safe and the client's retry budget allows it.
    pub retries: u32,
    /// Drop null values instead of failing the call.
    pub ignore_null_values: bool,
    /// What the call belongs to, for the policies `hash` and `sticky`. `None`: nothing.
    pub affinity: Option<Affinity>,
    /// Make a second attempt on another endpoint if it is idempotent and takes longer than most.
    pub hedge: bool,
    /// Wait, as long as its time allows, while no provider is listed or can be connected to.
    pub wait_for_ready: bool,
    /// Hears which endpoint the call goes to, over which connection, when its request is sent, and why it is repeated;
    /// `None` costs nothing.
    pub observer: Option<CallObserver>,
}

impl From<&ClientOptions> for CallOptions {
    fn from(options: &ClientOptions) -> Self {
        Self {
            timeout: (options.timeout_ms > 0).then(|| Duration::from_millis(options.timeout_ms)),
            idempotent: options.idempotent,
            retries: options.retries as u32,
            ignore_null_values: options.ignore_null_values,
            affinity: Affinity::of(&options.affinity),
            hedge: options.hedge,
            wait_for_ready: options.wait_for_ready,
            observer: None,
        }
    }
}
