//! A value that belongs to one process and one life of its runtime.

use crate::fork::fork_generation;
use crate::runtime;
use libfast_model::{Error, ErrorKind, Result};
use std::mem::ManuallyDrop;

/// Gives its value out only in the process that made it, and leaks it in a forked child: there, dropping would wait for
/// threads that do not exist, or close descriptors that belong to somebody else by now.
pub(crate) struct Owned<T> {
    value: ManuallyDrop<T>,
    fork: u64,
    life: u64,
}

impl<T> Owned<T> {
    pub fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), fork: fork_generation(), life: runtime::life() }
    }

    /// The value, if it can be used here and now. A lock belongs inside: in a forked child it may be held for ever.
    pub fn get(&self) -> Result<&T> {
        let value = self.get_in_any_life()?;
        if self.life != runtime::life() {
            return Err(runtime::was_shut_down());
        }
        Ok(value)
    }

    /// The value, for who has it alone and knows that it can be used.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// As [`get`](Self::get), also after a shutdown, for what needs no runtime.
    pub fn get_in_any_life(&self) -> Result<&T> {
        if self.fork != fork_generation() {
            let message = "made before fork() and used in the child; make clients and servers after the fork";
            return Err(Error::new(ErrorKind::Forked, message));
        }
        Ok(&self.value)
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.fork == fork_generation() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
