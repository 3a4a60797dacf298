//! A queue in which nobody takes the places of others.

use crate::Moment;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Requests that wait, each in the line of whoever sent it; the lines take turns. A pure state machine.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    /// None is empty.
    lines: HashMap<u64, VecDeque<(Moment, T)>>,
    /// The keys of the lines; the first one's turn is next.
    turns: VecDeque<u64>,
    waiting: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new(), waiting: 0 }
    }
}

impl<T> FairQueue<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// How many have any waiting.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Puts a request behind the others of the same line.
    pub fn push(&mut self, key: u64, now: Moment, request: T) {
        let line = self.lines.entry(key).or_insert_with(|| {
            self.turns.push_back(key);
            VecDeque::new()
        });
        line.push_back((now, request));
        self.waiting += 1;
    }

    /// Whether one more in this line would be within its share of the places that are taken now.
    pub fn is_below_share(&self, key: u64) -> bool {
        let own = self.lines.get(&key).map_or(0, VecDeque::len);
        let lines = self.lines.len() + usize::from(own == 0);
        (own + 1) * lines < self.waiting
    }

    /// Takes the oldest request of the longest line.
    pub fn shed(&mut self) -> Option<T> {
        let (&key, line) = self.lines.iter_mut().max_by_key(|(_, line)| line.len())?;
        let shed = line.pop_front()?;
        self.waiting -= 1;
        if line.is_empty() {
            self.lines.remove(&key);
            self.turns.retain(|other| *other != key);
        }
        Some(shed.1)
    }

    /// Takes a request of the line whose turn it is, with when it came.
    pub fn pop(&mut self, newest_first: bool) -> Option<(Moment, T)> {
        let key = self.turns.pop_front()?;
        let line = self.lines.get_mut(&key)?;
        let taken = if newest_first { line.pop_back() } else { line.pop_front() };
        match line.is_empty() {
            true => drop(self.lines.remove(&key)),
            false => self.turns.push_back(key),
        }
        self.waiting -= usize::from(taken.is_some());
        taken
    }

    /// Takes all that wait longer than `longest`.
    pub fn expire(&mut self, now: Moment, longest: Duration, expired: &mut Vec<T>) {
        let before = expired.len();
        self.lines.retain(|_, line| {
            // The oldest are in front, whichever end is served.
            while line.front().is_some_and(|(since, _)| now.since(*since) > longest) {
                expired.extend(line.pop_front().map(|(_, request)| request));
            }
            !line.is_empty()
        });
        self.waiting -= expired.len() - before;
        if expired.len() > before {
            self.turns.retain(|key| self.lines.contains_key(key));
        }
    }

    /// Takes a whole line.
    pub fn remove(&mut self, key: u64) -> Vec<T> {
        let line = self.lines.remove(&key).unwrap_or_default();
        if !line.is_empty() {
            self.turns.retain(|other| *other != key);
        }
        self.waiting -= line.len();
        line.into_iter().map(|(_, request)| request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line 1 has 10, 11, 12, line 2 has 20 and line 3 has 30 and 31, each a millisecond later.
    fn filled() -> FairQueue<u32> {
        let mut queue = FairQueue::default();
        for (ms, request) in [10, 11, 12, 20, 30, 31].into_iter().enumerate() {
            queue.push(u64::from(request / 10), at(ms as u64), request);
        }
        queue
    }

    fn at(ms: u64) -> Moment {
        Moment(0) + Duration::from_millis(ms)
    }

    fn all(queue: &mut FairQueue<u32>, newest_first: bool) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(newest_first).map(|(_, request)| request)).collect()
    }

    #[test]
    fn lines_take_turns() {
        assert_eq!(all(&mut filled(), false), [10, 20, 30, 11, 31, 12]);
        assert_eq!(all(&mut filled(), true), [12, 20, 31, 11, 30, 10]);
    }

    #[test]
    fn a_long_line_gives_way_to_a_short_one() {
        let mut queue = filled();
        assert!(queue.is_below_share(4) && !queue.is_below_share(1) && !queue.is_below_share(3));
        assert_eq!(queue.shed(), Some(10));
        assert_eq!(queue.len(), 5);
        // Where all are alike nobody gives way.
        let mut even = FairQueue::default();
        (0..5).for_each(|key| even.push(key, at(0), key as u32));
        assert!(!even.is_below_share(9) && !even.is_below_share(0));
    }

    #[test]
    fn what_is_taken_out_leaves_no_empty_line() {
        let (mut queue, mut expired) = (filled(), Vec::new());
        queue.expire(at(4), Duration::from_millis(1), &mut expired);
        assert_eq!(expired, [10, 11, 12]);
        assert_eq!(queue.remove(3), [30, 31]);
        assert_eq!(queue.remove(3), Vec::<u32>::new());
        assert_eq!((queue.len(), all(&mut queue, false)), (1, vec![20]));
        assert!(queue.lines.is_empty() && queue.turns.is_empty() && queue.is_empty());
    }
}
