//! The loads.

/// One load.
pub struct Workload {
    /// Its name on the command line and in the results.
    pub name: &'static str,
    /// Connections open.
    pub connections: usize,
    /// Calls under way on each.
    pub in_flight: usize,
    /// What a call is.
    pub kind: Kind,
}

/// What one call is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One argument, a JSON object of so many bytes; one value that wraps it.
    Echo(usize),
    /// So many small objects in one answer.
    Stream(usize),
}

const fn echo(name: &'static str, connections: usize, in_flight: usize) -> Workload {
    Workload { name, connections, in_flight, kind: Kind::Echo(100) }
}

const fn stream(name: &'static str, objects: usize) -> Workload {
    Workload { name, connections: 1, in_flight: 1, kind: Kind::Stream(objects) }
}

/// All loads, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    echo("lat", 1, 1),
    echo("1x64", 1, 64),
    echo("1x256", 1, 256),
    echo("16x16", 16, 16),
    echo("50x1", 50, 1),
    stream("s1k", 1_000),
    stream("s100k", 100_000),
    Workload { name: "1MB", connections: 1, in_flight: 1, kind: Kind::Echo(1 << 20) },
];

impl Workload {
    /// The load of this name.
    pub fn find(name: &str) -> Result<&'static Self, String> {
        WORKLOADS.iter().find(|workload| workload.name == name).ok_or_else(|| {
            let names: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
            format!("workload {name:?} does not exist; there are {}", names.join(", "))
        })
    }

    /// What one call counts for in the figure of this load: calls, objects, or bytes of payload one way.
    pub fn units(&self) -> u64 {
        match self.kind {
            Kind::Echo(bytes) if bytes > 1000 => bytes as u64,
            Kind::Echo(_) => 1,
            Kind::Stream(objects) => objects as u64,
        }
    }
}

/// A JSON object of exactly so many bytes.
pub fn payload(bytes: usize) -> String {
    let (before, after) = (r#"{"id":12345,"name":"bench","on":true,"text":""#, r#""}"#);
    format!("{before}{}{after}", "x".repeat(bytes.saturating_sub(before.len() + after.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_its_size() {
        assert_eq!((payload(100).len(), payload(1 << 20).len()), (100, 1 << 20));
    }
}
