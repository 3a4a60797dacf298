//! How much of a count that only grows is from the last seconds.

use crate::Moment;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a count was when each of the last ten seconds began. Between these moments it only reads, so that an event costs its
/// count alone, whose cache line the thread has anyway. Updated from many threads without locks; an event that is lost to a
/// race at the turn of a second is one of many.
///
/// A mark is one word: the low 24 bits of the number of its second, then the low 40 bits of the count.
#[derive(Debug)]
pub(crate) struct Marks([AtomicU64; MARKS]);

const MARKS: usize = 10;
const SECOND_NS: u64 = Duration::from_secs(1).as_nanos() as u64;
const COUNT_BITS: u32 = 40;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_MASK: u64 = (1 << 24) - 1;
/// No mark was set.
const NONE: u64 = u64::MAX;

impl Marks {
    /// Nothing was counted.
    pub fn new() -> Self {
        Self([const { AtomicU64::new(NONE) }; MARKS])
    }

    /// Something happened, `before` which the count was this.
    #[inline]
    pub fn note(&self, now: Moment, before: u64) {
        let number = now.0 / SECOND_NS;
        let mark = &self.0[(number % MARKS as u64) as usize];
        let known = mark.load(Relaxed);
        if known == NONE || known >> COUNT_BITS != number & NUMBER_MASK {
            let new = (number & NUMBER_MASK) << COUNT_BITS | before & COUNT_MASK;
            // Who comes second finds it done.
            let _ = mark.compare_exchange(known, new, Relaxed, Relaxed);
        }
    }

    /// How much of `count` is from the last ten seconds.
    pub fn recent(&self, now: Moment, count: u64) -> u64 {
        let number = now.0 / SECOND_NS;
        let since = |mark: &AtomicU64| {
            let mark = mark.load(Relaxed);
            let age = number.wrapping_sub(mark >> COUNT_BITS) & NUMBER_MASK;
            // A thread with a later clock may be one second ahead.
            let is_recent = mark != NONE && (age < MARKS as u64 || age == NUMBER_MASK);
            is_recent.then(|| count.wrapping_sub(mark) & COUNT_MASK)
        };
        // A mark that was set since the count was read is ahead of it.
        self.0.iter().filter_map(since).filter(|recent| *recent <= COUNT_MASK / 2).max().unwrap_or(0)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.iter().for_each(|mark| mark.store(NONE, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_ten_seconds_does_not_count() {
        let (marks, at) = (Marks::new(), |secs| Moment(0) + Duration::from_secs(secs));
        assert_eq!(marks.recent(at(0), 7), 0);
        let mut count = 7;
        for second in [0, 0, 0, 4, 4] {
            marks.note(at(second), count);
            count += 1;
        }
        assert_eq!([0, 4, 9, 10, 13, 14].map(|now| marks.recent(at(now), count)), [5, 5, 5, 2, 2, 0]);
        marks.note(at(20), count);
        assert_eq!(marks.recent(at(20), count + 1), 1);
        assert_eq!(marks.recent(at(20), count - 1), 0, "the mark is newer than the count");
        marks.clear();
        assert_eq!(marks.recent(at(20), count + 1), 0);
        marks.note(at(20), count + 1);
        assert_eq!(marks.recent(at(20), count + 2), 1);
    }
}
