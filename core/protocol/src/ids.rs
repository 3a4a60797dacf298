//! Which message id the next call gets.

use crate::MAX_MSGID;

/// Counts from 1 to the largest id and starts over, passing over ids in use.
#[derive(Debug)]
pub(crate) struct Ids {
    next: u32,
    max: u32,
}

impl Ids {
    pub fn new() -> Self {
        Self::with_range(1, MAX_MSGID)
    }

    /// Ids from 1 to `max`, of which `next` comes first.
    pub fn with_range(next: u32, max: u32) -> Self {
        Self { next, max }
    }

    /// A free id, if `used`, the number of ids for which `in_use` is true, leaves one.
    pub fn allocate(&mut self, used: usize, in_use: impl Fn(u32) -> bool) -> Option<u32> {
        if usize::try_from(self.max).is_ok_and(|max| used >= max) {
            return None;
        }
        loop {
            let id = self.next;
            self.next = if id >= self.max { 1 } else { id + 1 };
            if !in_use(id) {
                return Some(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_passes_over_ids_in_use() {
        let mut ids = Ids::with_range(MAX_MSGID - 1, MAX_MSGID);
        let mut allocate = || ids.allocate(2, |id| id == 1 || id == 2).unwrap();
        assert_eq!([allocate(), allocate(), allocate(), allocate()], [MAX_MSGID - 1, MAX_MSGID, 3, 4]);
    }

    /// Each question is a look-up, so none is asked twice.
    #[test]
    fn each_id_is_asked_for_once() {
        let asked = std::cell::Cell::new(0);
        let free = |_| {
            asked.set(asked.get() + 1);
            false
        };
        let mut ids = Ids::with_range(1, 8);
        let allocated: Vec<_> = (0..10).map(|_| ids.allocate(0, free).unwrap()).collect();
        assert_eq!((allocated, asked.take()), (vec![1, 2, 3, 4, 5, 6, 7, 8, 1, 2], 10));
        let used = |id| {
            asked.set(asked.get() + 1);
            (3..=5).contains(&id)
        };
        assert_eq!((ids.allocate(3, used), asked.take()), (Some(6), 4));
    }

    #[test]
    fn full_range_is_noticed() {
        let mut ids = Ids::with_range(1, 3);
        assert_eq!(ids.allocate(3, |_| true), None);
        assert_eq!(ids.allocate(2, |id| id != 2), Some(2));
    }
}
