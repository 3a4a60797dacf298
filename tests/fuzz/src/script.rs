//! The input of a target, read as choices.

use libfast_protocol::{Limits, MAX_MSGID};
use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};

/// A cursor over the input. Everything it gives is zero or empty once the input is over.
#[derive(Debug)]
pub struct Script<'a>(Unstructured<'a>);

impl<'a> Arbitrary<'a> for Script<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(Unstructured::new(input.bytes(input.len())?)))
    }
}

impl<'a> Script<'a> {
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// Up to 255 bytes.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        self.0.bytes(length).unwrap_or_default()
    }

    /// Up to 255 bytes, as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub fn rest(&mut self) -> &'a [u8] {
        self.0.bytes(self.0.len()).unwrap_or_default()
    }

    /// Mostly one of a few ids, so that frames meet the calls of others.
    pub fn id(&mut self) -> u32 {
        match self.byte() {
            255 => MAX_MSGID,
            254 => MAX_MSGID - 1,
            byte => u32::from(byte % 12),
        }
    }

    /// The defaults, or bounds that short inputs reach.
    pub fn limits(&mut self) -> Limits {
        match self.byte() % 4 {
            0 | 1 => Limits::default(),
            2 => Limits { max_frame_bytes: 1024, max_depth: 4, max_name_bytes: 16 },
            _ => Limits { max_frame_bytes: 64, max_depth: 2, max_name_bytes: 64 },
        }
    }
}
