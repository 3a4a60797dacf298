//! The loads.

/// One load.
pub struct Workload {
    /// Its name on the command line and in the results.
    pub name: &'static str,
    /// Connections open.
    pub connections: usize,
    /// Calls under way on each.
    pub in_flight: usize,
    /// Endpoints of each client. Above 1 a client has as many connections.
    pub endpoints: usize,
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
    Workload { name, connections, in_flight, endpoints: 1, kind: Kind::Echo(100) }
}

const fn stream(name: &'static str, objects: usize) -> Workload {
    Workload { name, connections: 1, in_flight: 1, endpoints: 1, kind: Kind::Stream(objects) }
}

/// All loads, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    echo("lat", 1, 1),
    echo("1x64", 1, 64),
    echo("1x256", 1, 256),
    echo("1x500", 1, 500),
    echo("16x16", 16, 16),
    echo("50x1", 50, 1),
    stream("s1k", 1_000),
    stream("s100k", 100_000),
    Workload { name: "1MB", connections: 1, in_flight: 1, endpoints: 1, kind: Kind::Echo(1 << 20) },
];

impl Workload {
    /// The load of this name, or one that its name spells out: `CONNECTIONSxIN_FLIGHT[xBYTES][@ENDPOINTS]`.
    pub fn find(name: &str) -> Result<&'static Self, String> {
        let known = WORKLOADS.iter().find(|workload| workload.name == name);
        // A process has few of these, until it ends.
        known.or_else(|| Some(Box::leak(Box::new(Self::spelled(name)?)))).ok_or_else(|| {
            let names: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
            format!("workload {name:?} does not exist; there are {}", names.join(", "))
        })
    }

    fn spelled(name: &str) -> Option<Self> {
        let (load, endpoints) = name.split_once('@').unwrap_or((name, "1"));
        let numbers: Vec<usize> = load.split('x').map(str::parse).collect::<Result<_, _>>().ok()?;
        let (connections, in_flight, bytes) = match *numbers {
            [connections, in_flight] => (connections, in_flight, 100),
            [connections, in_flight, bytes] => (connections, in_flight, bytes),
            _ => return None,
        };
        let endpoints = endpoints.parse().ok()?;
        let name = name.to_owned().leak();
        Some(Self { name, connections, in_flight, endpoints, kind: Kind::Echo(bytes) })
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

/// A JSON object of exactly so many bytes; where they do not suffice for that, a text or a digit.
pub fn payload(bytes: usize) -> String {
    let (before, after) = match bytes {
        0 | 1 => return "7".into(),
        2..50 => ("\"", "\""),
        _ => (r#"{"id":12345,"name":"bench","on":true,"text":""#, r#""}"#),
    };
    format!("{before}{}{after}", "x".repeat(bytes - (before.len() + after.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_its_size_and_is_json() {
        for bytes in [1, 2, 16, 49, 50, 100, 1 << 20] {
            let text = payload(bytes);
            assert_eq!(text.len(), bytes);
            serde_json::from_str::<serde_json::Value>(&text).expect("is JSON");
        }
    }

    #[test]
    fn load_is_spelled_out() {
        let load = Workload::find("100x10x4096@3").expect("is understood");
        assert_eq!((load.connections, load.in_flight, load.endpoints), (100, 10, 3));
        assert!(load.kind == Kind::Echo(4096));
        assert!(Workload::find("100").is_err() && Workload::find("1xy").is_err());
    }
}
