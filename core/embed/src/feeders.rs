//! The event loops whose calls complete in a queue.

use crate::event_loop::EventLoop;
use crate::turns::Noted;
use std::sync::{Arc, Weak};

/// The event loops whose calls complete in a queue, and who drives them: the thread that polls the queue, if there is one
/// loop and the queue is only polled; else the loops' own threads.
#[derive(Default)]
pub(crate) struct Feeders {
    loops: Vec<Weak<EventLoop>>,
    /// Keeps the loops' own threads there.
    residents: Vec<Noted>,
    /// The program waits for something else than a poll.
    is_watched: bool,
}

impl Feeders {
    /// `is_watched`: the program is woken otherwise than by a poll.
    pub fn new(is_watched: bool) -> Self {
        Self { is_watched, ..Self::default() }
    }

    pub fn add(&mut self, event_loop: &Arc<EventLoop>) {
        let added = Arc::downgrade(event_loop);
        if !self.loops.iter().any(|known| known.ptr_eq(&added)) {
            self.loops.push(added);
            self.settle();
        }
    }

    /// From now on the program is woken otherwise than by a poll.
    pub fn watch(&mut self) {
        self.is_watched = true;
        self.settle();
    }

    /// The loop that a thread which polls may drive.
    pub fn only(&self) -> Option<Arc<EventLoop>> {
        match self.loops.as_slice() {
            [only] if !self.is_watched => only.upgrade(),
            _ => None,
        }
    }

    fn settle(&mut self) {
        if self.is_watched || self.loops.len() > 1 {
            let missing = self.loops.iter().skip(self.residents.len());
            let noted = missing.filter_map(Weak::upgrade).map(|event_loop| event_loop.turns().resident());
            self.residents.extend(noted);
        }
    }
}
