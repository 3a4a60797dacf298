//! The bytes of one direction that are on their way.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Most bytes on their way in one direction of a connection; while there are so many, nothing more is read.
pub const BUFFER_BYTES: usize = 96 << 10;
/// Most moments of departure to be kept: small reads must not take more memory than the bytes that they bring.
const MOST_DEPARTURES: usize = 512;

/// Bytes in order, each with the moment from which it may leave, once those before it have left.
#[derive(Default)]
pub struct DelayLine {
    bytes: VecDeque<u8>,
    /// So many bytes from this moment on.
    departures: VecDeque<(usize, Instant)>,
}

impl DelayLine {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many more bytes it takes at present.
    pub fn room(&self) -> usize {
        if self.departures.len() < MOST_DEPARTURES { BUFFER_BYTES - self.bytes.len() } else { 0 }
    }

    /// Takes bytes, no more than there is room for, that arrive now.
    pub fn push(&mut self, bytes: &[u8], now: Instant, delay: Duration) {
        debug_assert!(bytes.len() <= self.room());
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(BUFFER_BYTES);
        }
        self.bytes.extend(bytes);
        let moment = now + delay;
        match self.departures.back_mut() {
            Some((count, last)) if *last == moment => *count += bytes.len(),
            _ => self.departures.push_back((bytes.len(), moment)),
        }
    }

    /// When the first byte may leave; none if there is none.
    pub fn next(&self) -> Option<Instant> {
        self.departures.front().map(|(_, moment)| *moment)
    }

    /// The first bytes that may leave now: some of them, if there are any.
    pub fn ready(&self, now: Instant) -> &[u8] {
        let ready = self.departures.iter().take_while(|(_, moment)| *moment <= now).map(|(count, _)| count);
        let (first, _) = self.bytes.as_slices();
        &first[..first.len().min(ready.sum())]
    }

    /// Lets go of the first bytes.
    pub fn consume(&mut self, mut count: usize) {
        self.bytes.drain(..count);
        while let Some((first, _)) = self.departures.front_mut() {
            if *first > count {
                *first -= count;
                break;
            }
            count -= *first;
            self.departures.pop_front();
        }
    }

    /// Gives memory back that an idle connection does not need.
    pub fn shrink(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            (self.bytes, self.departures) = Default::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_byte_leaves_at_its_moment_and_never_before_an_earlier_one() {
        let start = Instant::now();
        let mut line = DelayLine::default();
        line.push(b"slow", start, 10 * MS);
        line.push(b"quick", start + MS, MS);
        assert_eq!(line.ready(start + 9 * MS), b"");
        assert_eq!(line.next(), Some(start + 10 * MS));
        assert_eq!(line.ready(start + 10 * MS), b"slowquick");
        line.consume(6);
        assert_eq!(line.ready(start + 10 * MS), b"ick");
        line.consume(3);
        assert_eq!((line.is_empty(), line.next()), (true, None));
    }

    #[test]
    fn memory_is_bounded_in_bytes_and_in_moments() {
        let start = Instant::now();
        let mut line = DelayLine::default();
        line.push(&[0; BUFFER_BYTES], start, MS);
        assert_eq!((line.room(), line.bytes.capacity()), (0, BUFFER_BYTES));
        line.consume(BUFFER_BYTES);
        for step in 0..MOST_DEPARTURES as u32 {
            assert!(line.room() > 0);
            line.push(&[0], start + step * MS, MS);
        }
        assert_eq!(line.room(), 0);
        let moments = line.departures.capacity() * size_of::<(usize, Instant)>();
        assert!(2 * (line.bytes.capacity() + moments) <= 256 << 10, "a connection has two");
        line.consume(MOST_DEPARTURES);
        line.shrink();
        assert_eq!((line.bytes.capacity(), line.departures.capacity()), (0, 0));
    }
}
