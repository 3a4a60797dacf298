//! What calls belong to.

/// What a call belongs to, for the policies `hash` and `sticky`: calls of the same key go to the same endpoint. Equal keys are
/// equal in every language and process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Affinity(u64);

impl Affinity {
    /// The affinity of a key; `None` if it is empty, which stands for no key.
    pub fn of(key: &str) -> Option<Self> {
        (!key.is_empty()).then(|| Self(libfast_balance::hash(key.as_bytes())))
    }

    /// As the balancer wants it.
    pub(crate) fn hash(self) -> u64 {
        self.0
    }
}
