//! What has come for one request and was not taken yet.

use super::Incoming;
use crate::client_account::Asked;
use crate::clock::Now;
use libfast_model::Result;
use std::task::Waker;
use std::time::Instant;

pub(crate) struct Inbox {
    pub asked: Asked,
    /// Where its request begins in the stream of bytes: tells whether any of it left the process.
    pub offset: u64,
    /// Where it ends.
    pub end: u64,
    pub values: Incoming,
    pub bytes: usize,
    pub full: bool,
    /// When the last of it came.
    pub came: Option<Now>,
    pub outcome: Option<Result<()>>,
    pub waker: Option<Waker>,
    /// When whoever waits is woken at the latest.
    pub deadline: Option<Instant>,
}

impl Inbox {
    pub fn new(offset: u64, asked: Asked) -> Self {
        Self {
            asked,
            offset,
            end: offset,
            values: Incoming::default(),
            bytes: 0,
            full: false,
            came: None,
            outcome: None,
            waker: None,
            deadline: None,
        }
    }
}
