//! The bounds of what one frame may ask for.

/// Bounds of one frame, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload sent or accepted, in bytes of JSON. Default 16 MiB. It is judged by the length that a
    /// header announces, before the payload arrives.
    pub max_frame_bytes: usize,
    /// How deep arrays and objects may nest inside the `d` of a payload. Default 10,000. The two levels that
    /// a payload puts around a value are not counted, so that what may be sent may also be received.
    pub max_depth: usize,
    /// Longest name of a method, in bytes. Default 65,536.
    pub max_name_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame_bytes: 16 << 20, max_depth: 10_000, max_name_bytes: 65_536 }
    }
}

impl Limits {
    /// The bound of a whole payload: the object around `d` and the array `d` itself come on top.
    pub(crate) fn payload_depth(&self) -> usize {
        self.max_depth.saturating_add(2)
    }

    /// The longest payload that may be sent; the length field has 32 bits, whatever the limit says.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.max_frame_bytes.min(usize::try_from(u32::MAX).unwrap_or(usize::MAX))
    }
}
