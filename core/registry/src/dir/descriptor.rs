//! An open descriptor that belongs to the process that opened it, and to no child of a fork.

use libfast_model::InheritedFd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A descriptor that is noted for the fork hook while it is open.
///
/// In a child of a fork the hook has closed it, and the number may name something else by now: there, dropping this
/// value closes nothing.
#[derive(Debug)]
pub(crate) struct Descriptor<F> {
    // A tuple drops in order: the note goes before the descriptor is closed.
    open: Option<(InheritedFd, F)>,
    process: u32,
}

impl<F: AsRawFd> Descriptor<F> {
    pub(crate) fn new(file: F) -> Self {
        Self { open: Some((InheritedFd::note(&file), file)), process: std::process::id() }
    }
}

impl<F> Descriptor<F> {
    pub(crate) fn get(&self) -> &F {
        &self.open.as_ref().expect("taken only by drop").1
    }

    /// False in a child of a fork.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<F: AsRawFd> AsRawFd for Descriptor<F> {
    fn as_raw_fd(&self) -> RawFd {
        self.get().as_raw_fd()
    }
}

impl<F: AsFd> AsFd for Descriptor<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get().as_fd()
    }
}

impl<F> Drop for Descriptor<F> {
    fn drop(&mut self) {
        let open = self.open.take();
        if !self.is_of_this_process() {
            std::mem::forget(open);
        }
    }
}
