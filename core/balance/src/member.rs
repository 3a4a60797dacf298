//! One endpoint of a set.

use crate::Load;
use libfast_model::Endpoint;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// One endpoint of a set, with what is known about it and what the owner of the set keeps per endpoint.
// Apart from the counts of its `Arc`, which picks write while others read what is here.
#[derive(Debug)]
#[repr(align(64))]
pub struct Member<T> {
    /// The number of its address in this set and all that follow from it, never given to another address.
    pub slot: u32,
    /// Unique to the registration it came from.
    pub key: String,
    /// Address, weight and place.
    pub endpoint: Endpoint,
    /// Shared by all members that ever had this address without a gap.
    pub load: Arc<Load>,
    /// The owner's part, such as a connection. Shared likewise.
    pub owner: Arc<T>,
    /// The hash of its address.
    pub(crate) hash: u64,
    /// Calls under way in the whole set, where the policy asks for it.
    pub(crate) tally: Option<Arc<AtomicU64>>,
}

impl<T> Member<T> {
    /// Another one that is the same endpoint.
    pub(crate) fn copied(&self) -> Self {
        Self {
            slot: self.slot,
            key: self.key.clone(),
            endpoint: self.endpoint.clone(),
            load: self.load.clone(),
            owner: self.owner.clone(),
            hash: self.hash,
            tally: self.tally.clone(),
        }
    }

    /// Whether it takes new calls as far as it says itself.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.endpoint.weight > 0 && !self.endpoint.draining
    }

    /// Whether another process than in `old` was registered at this address. One that changes its weight keeps the name of its
    /// registration up to the generation, and one that drains may come with a new one.
    pub(crate) fn is_another_process_than(&self, old: &Self) -> bool {
        self.registrant() != old.registrant() && !self.endpoint.draining
    }

    /// The key without its generation: `<uuid>` of `<uuid>.<generation>`.
    fn registrant(&self) -> &str {
        match self.key.rsplit_once('.') {
            Some((name, generation)) if generation.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.key,
        }
    }
}
