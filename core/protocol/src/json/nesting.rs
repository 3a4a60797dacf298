//! The stack of open brackets: one bit each, so that deep text costs little memory and no call stack.

/// Which containers are open, the innermost last.
#[derive(Default)]
pub(super) struct Nesting {
    depth: usize,
    /// The innermost up to 64 levels, one bit each, set for objects.
    bits: u64,
    /// Full words of outer levels. Empty for all but absurd texts, so nothing is allocated.
    outer: Vec<u64>,
}

impl Nesting {
    #[inline]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the innermost open container is an object; `None` if none is open.
    #[inline]
    pub fn innermost_is_object(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }

    #[inline]
    pub fn open(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
            self.bits = 0;
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    #[inline]
    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_back_in_reverse() {
        let mut nesting = Nesting::default();
        let is_object = |level: usize| level.is_multiple_of(3);
        for level in 0..1000 {
            nesting.open(is_object(level));
        }
        for level in (0..1000).rev() {
            assert_eq!(nesting.depth(), level + 1);
            assert_eq!(nesting.innermost_is_object(), Some(is_object(level)));
            nesting.close();
        }
        assert_eq!(nesting.innermost_is_object(), None);
    }
}
