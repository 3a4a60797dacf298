//! Things that are found by name, and only ever added.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

/// Found without a lock, whose count all threads would write: each call looks for its method here.
#[derive(Debug)]
pub(crate) struct Names<T> {
    first: Segment<T>,
    hasher: RandomState,
}

/// A name has a few places in each segment, and goes to the first that is free: where one is free it cannot be further on.
#[derive(Debug)]
struct Segment<T> {
    places: Box<[OnceLock<Arc<T>>]>,
    /// Twice as large.
    next: OnceLock<Box<Self>>,
}

/// What has a name.
pub(crate) trait Named {
    fn name(&self) -> &str;
}

/// Places in the first segment, a power of two.
const FIRST: usize = 16;
/// Places of one name in each.
const TRIES: usize = 4;

impl<T: Named> Names<T> {
    /// The one of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.find(name).map(|(_, known)| known)
    }

    /// The one of that name, and its place, at which it stays.
    pub fn find(&self, name: &str) -> Option<(usize, &Arc<T>)> {
        let hash = self.hasher.hash_one(name) as usize;
        let (mut segment, mut before) = (&self.first, 0);
        loop {
            for nth in segment.nths(hash) {
                let known = segment.places[nth].get()?;
                if known.name() == name {
                    return Some((before + nth, known));
                }
            }
            before += segment.places.len();
            segment = segment.next.get()?;
        }
    }

    /// The one at that place.
    pub fn at(&self, mut place: usize) -> Option<&Arc<T>> {
        let mut segment = &self.first;
        while place >= segment.places.len() {
            place -= segment.places.len();
            segment = segment.next.get()?;
        }
        segment.places[place].get()
    }

    /// Adds it, unless there is one of that name, which is the error.
    pub fn add(&self, new: &Arc<T>) -> Result<(), &Arc<T>> {
        let hash = self.hasher.hash_one(new.name()) as usize;
        let mut segment = &self.first;
        loop {
            for nth in segment.nths(hash) {
                let known = segment.places[nth].get_or_init(|| new.clone());
                if Arc::ptr_eq(known, new) {
                    return Ok(());
                }
                if known.name() == new.name() {
                    return Err(known);
                }
            }
            segment = segment.next.get_or_init(|| Box::new(Segment::new(2 * segment.places.len())));
        }
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { first: Segment::new(FIRST), hasher: RandomState::default() }
    }
}

impl<T> Segment<T> {
    fn new(places: usize) -> Self {
        Self { places: std::iter::repeat_with(OnceLock::new).take(places).collect(), next: OnceLock::new() }
    }

    fn nths(&self, hash: usize) -> impl Iterator<Item = usize> + use<T> {
        let last = self.places.len() - 1;
        (0..TRIES).map(move |nth| hash.wrapping_add(nth) & last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for String {
        fn name(&self) -> &str {
            self
        }
    }

    #[test]
    fn any_number_is_found_and_none_comes_twice() {
        let names = Names::default();
        let all: Vec<_> = (0..10_000).map(|n| Arc::new(format!("method{n}"))).collect();
        std::thread::scope(|scope| {
            for part in all.chunks(2500) {
                let add = || part.iter().for_each(|name| assert_eq!(names.add(name), Ok(())));
                scope.spawn(add);
            }
        });
        for name in &all {
            let (place, found) = names.find(name).unwrap();
            assert!(Arc::ptr_eq(found, name) && Arc::ptr_eq(names.at(place).unwrap(), name));
            assert_eq!(names.add(&Arc::new(name.to_string())), Err(name));
        }
        assert_eq!(names.get("method"), None);
    }
}
