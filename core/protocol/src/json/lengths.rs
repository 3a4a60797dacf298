//! How long the elements of an array are, so that who wants them one by one need not look for their ends again.

/// Is told of the elements of an array while it is scanned, the last one left out.
pub(crate) trait Note {
    /// One more of so many bytes, with the space around it.
    fn note(&mut self, length: usize);

    /// Those noted are of no array that counts.
    fn forget(&mut self);
}

/// Wants none.
impl Note for () {
    fn note(&mut self, _length: usize) {}

    fn forget(&mut self) {}
}

/// A byte for each, which is at most half of what the text takes.
#[derive(Default)]
pub(crate) struct Lengths {
    noted: Vec<u8>,
    /// There are more than are noted.
    too_many: bool,
}

/// Noted of one array at most: what a peer sends must not take much more memory here than there.
const MOST: usize = 16 * 1024;

/// In the place of a length that is no byte. To look for the end of such an element costs little beside the rest of it.
const LONG: u8 = u8::MAX;

impl Lengths {
    pub fn into_noted(self) -> Noted {
        Noted(if self.too_many { Box::default() } else { self.noted.into() })
    }
}

impl Note for Lengths {
    #[inline]
    fn note(&mut self, length: usize) {
        if self.noted.len() < MOST {
            self.noted.push(u8::try_from(length).unwrap_or(LONG));
        } else {
            self.too_many = true;
        }
    }

    #[cold]
    fn forget(&mut self) {
        *self = Self::default();
    }
}

/// What was noted of one array, perhaps nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted(Box<[u8]>);

impl Noted {
    /// The length of the element behind which so many follow; `None` if it is not known.
    #[inline]
    pub fn before(&self, following: usize) -> Option<usize> {
        let length = *self.0.get(self.0.len().checked_sub(following)?)?;
        (length != LONG).then_some(usize::from(length))
    }
}
