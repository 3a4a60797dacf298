//! A call before it is sent.

use crate::affinity::Affinity;
use crate::call::{Buffered, Call};
use crate::call_options::CallOptions;
use crate::client::Client;
use crate::value::Value;
use bytes::Bytes;
use libfast_model::Result;
use std::time::Duration;

/// A call that has not been sent yet. Await it for all values, or [`stream`](Self::stream) them.
#[must_use = "a call is sent when it is awaited or made a stream"]
pub struct CallRequest {
    pub(crate) client: Client,
    pub(crate) method: String,
    pub(crate) args: Result<Bytes>,
    pub(crate) options: CallOptions,
}

impl CallRequest {
    /// Longest the call may take, instead of the client's `timeout_ms`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Whether it may be repeated although the server may have run it.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.options.idempotent = idempotent;
        self
    }

    /// How often it is repeated where that is safe, instead of the client's `retries`.
    pub fn retries(mut self, retries: u32) -> Self {
        self.options.retries = retries;
        self
    }

    /// Whether null values are dropped, instead of the client's `ignore_null_values`.
    pub fn ignore_null_values(mut self, ignore: bool) -> Self {
        self.options.ignore_null_values = ignore;
        self
    }

    /// What the call belongs to, instead of the client's `affinity`.
    pub fn affinity(mut self, key: &str) -> Self {
        self.options.affinity = Affinity::of(key);
        self
    }

    /// Whether it gets a second attempt if it is idempotent and takes long, instead of the client's `hedge`.
    pub fn hedge(mut self, hedge: bool) -> Self {
        self.options.hedge = hedge;
        self
    }

    /// Whether it waits while no provider is there, instead of the client's `wait_for_ready`.
    pub fn wait_for_ready(mut self, wait: bool) -> Self {
        self.options.wait_for_ready = wait;
        self
    }

    /// Sends the call, keeps its first `most` values and counts all. An error comes with the values before it.
    pub async fn buffer(self, most: usize) -> Buffered {
        self.stream().buffer(most).await
    }

    /// Sends the call and gives its values one by one.
    pub fn stream(self) -> Call {
        match self.args {
            Ok(args) => self.client.start(&self.method, args, self.options),
            Err(error) => {
                self.client.shared().call_began();
                Call::failed(self.client, &self.method, error)
            }
        }
    }
}

impl IntoFuture for CallRequest {
    type Output = Result<Vec<Value>>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.stream().collect())
    }
}
