//! The loads whose instructions are counted.

/// One load: what a call is, and how many are made at once.
pub struct Counted {
    /// Its name on the command line.
    pub name: &'static str,
    /// The method that is called.
    pub method: &'static str,
    /// Size of the one argument, a JSON object that comes back as it is.
    pub bytes: usize,
    /// Values in the answer, each a small object; then there is no such argument.
    pub stream: usize,
    /// Calls made before the first answer is looked at.
    pub in_flight: usize,
    /// Instructions per call that both sides together may take, in user space: a tenth above what they took when this was
    /// last set.
    pub ceiling: u64,
}

/// All of them.
pub const COUNTED: &[Counted] = &[
    Counted { name: "lone", method: "echo", bytes: 100, stream: 0, in_flight: 1, ceiling: 27_100 },
    Counted { name: "burst", method: "echo", bytes: 100, stream: 0, in_flight: 64, ceiling: 18_300 },
    // From 7.6 million, if the buffers that grow can do so in place, to 9.8, if the allocator has to move them.
    Counted { name: "large", method: "echo", bytes: 1 << 20, stream: 0, in_flight: 1, ceiling: 8_080_000 },
    Counted { name: "stream", method: "stream", bytes: 0, stream: 1000, in_flight: 1, ceiling: 1_279_000 },
    Counted { name: "error", method: "fail", bytes: 100, stream: 0, in_flight: 1, ceiling: 43_800 },
];

impl Counted {
    /// The load of this name.
    pub fn find(name: &str) -> Result<&'static Self, String> {
        COUNTED.iter().find(|counted| counted.name == name).ok_or_else(|| {
            let names: Vec<_> = COUNTED.iter().map(|counted| counted.name).collect();
            format!("workload {name:?} does not exist; there are {}", names.join(", "))
        })
    }
}
