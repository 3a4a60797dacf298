//! Statics that a forked child has of its own.

use crate::fork::fork_generation;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A locked static that starts anew in a forked child. The parent's value is leaked there, with its lock, which a thread that
/// does not exist in the child may hold.
pub(crate) struct PerProcess<T>(AtomicPtr<Of<T>>);

struct Of<T> {
    fork: u64,
    value: Mutex<T>,
}

impl<T: Default> PerProcess<T> {
    pub const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    pub fn lock(&'static self) -> MutexGuard<'static, T> {
        loop {
            let current = self.0.load(Ordering::Acquire);
            // SAFETY: null, or from `Box::into_raw` below, and never freed once it is stored.
            if let Some(of) = unsafe { current.as_ref() }.filter(|of| of.fork == fork_generation()) {
                return of.value.lock().unwrap_or_else(PoisonError::into_inner);
            }
            let new = Box::into_raw(Box::new(Of { fork: fork_generation(), value: Mutex::default() }));
            if self.0.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: just made, and not stored.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}
