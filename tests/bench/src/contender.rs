//! The programs that are measured.

use libfast_bench::{Kind, Workload};
use std::path::{Path, PathBuf};

/// A server and a client, each a program and its first arguments.
pub struct Contender {
    pub name: &'static str,
    pub server: Vec<String>,
    pub client: Vec<String>,
    /// What its client can do.
    pub able: Able,
    /// Whether the client, written in another language, is told what the workload consists of: after the arguments that all
    /// get come CONNECTIONS IN_FLIGHT METHOD SIZE UNITS.
    pub spelled_out: bool,
}

/// Which workloads a client can do.
#[derive(Clone, Copy)]
pub enum Able {
    All,
    /// One call at a time on a connection, each connection on a thread.
    Threads,
    /// One call at a time.
    One,
    /// That, with one value as the answer: for comparing latencies.
    Lone,
}

impl Contender {
    /// Whether its client does this workload.
    pub fn does(&self, workload: &Workload) -> bool {
        match self.able {
            Able::All => true,
            Able::Threads => workload.in_flight == 1,
            Able::One => workload.in_flight == 1 && workload.connections == 1,
            Able::Lone => workload.name == "lat",
        }
    }

    /// The arguments of its client.
    pub fn arguments(&self, port: u16, workload: &Workload, seconds: f64) -> Vec<String> {
        let mut all = vec!["client".into(), port.to_string(), workload.name.into(), seconds.to_string()];
        if self.spelled_out {
            let (method, size) = match workload.kind {
                Kind::Echo(bytes) => ("echo", bytes),
                Kind::Stream(objects) => ("stream", objects),
            };
            all.extend([workload.connections.to_string(), workload.in_flight.to_string()]);
            all.extend([method.into(), size.to_string(), workload.units().to_string()]);
        }
        all
    }
}

/// What is not a peer.
const OWN: [&str; 11] = [
    "raw",
    "raw python",
    "floor",
    "libfast",
    "c",
    "c queue",
    "python",
    "python asyncio",
    "node",
    "php",
    "c server",
];

/// Whether it is neither libfast nor what that is measured by.
pub fn is_peer(name: &str) -> bool {
    !OWN.contains(&name)
}

/// Those that can run here. What was not built is left out, with a word about it.
pub fn all() -> Result<Vec<Contender>, String> {
    let bench = std::env::current_exe().map_err(|error| error.to_string())?;
    let own = |name: &'static str| {
        let program = vec![bench.with_file_name(name).display().to_string()];
        Contender { name, server: program.clone(), client: program, able: Able::All, spelled_out: false }
    };
    let mut all = vec![own("raw"), own("floor"), own("libfast")];
    let mut add = |contender: Contender, needs: &Path| {
        if needs.exists() {
            all.push(contender);
        } else {
            let (name, needs) = (contender.name, needs.display());
            eprintln!("bench: {name} is left out: {needs} does not exist; `make bench` builds it");
        }
    };
    let contenders = root().join("tests/bench/contenders");
    let socket = vec!["python3".into(), contenders.join("python/raw.py").display().to_string()];
    add(
        Contender {
            name: "raw python",
            server: own("raw").server,
            client: socket,
            able: Able::Lone,
            spelled_out: true,
        },
        &contenders,
    );
    // One of the two sides is Rust's for all: what differs is the other one.
    for (name, able, client, needs) in clients(&root()) {
        add(Contender { name, server: own("libfast").server, client, able, spelled_out: true }, &needs);
    }
    let server = root().join(".build/bench/server");
    add(
        Contender { name: "c server", server: vec![server.display().to_string()], ..own("libfast") },
        &server,
    );
    all.extend(crate::peers::all(&root(), &own("floor")));
    Ok(all)
}

type Client = (&'static str, Able, Vec<String>, PathBuf);

/// Clients of libfast in its other languages, each with a file that must have been built.
fn clients(root: &Path) -> Vec<Client> {
    let contenders = root.join("tests/bench/contenders");
    let c = root.join(".build/bench/client");
    let python = root.join(".build/venv/bin/python");
    let node = root.join(format!("bindings/node/native/libfast.linux-{}-gnu.node", node_machine()));
    let program = |parts: &[&Path]| parts.iter().map(|part| part.display().to_string()).collect::<Vec<_>>();
    let in_python = |name| program(&[&python, &contenders.join("python").join(name)]);
    vec![
        ("c", Able::Threads, program(&[&c, Path::new("blocking")]), c.clone()),
        ("c queue", Able::All, program(&[&c, Path::new("queue")]), c.clone()),
        ("python", Able::Threads, in_python("blocking.py"), python.clone()),
        ("python asyncio", Able::All, in_python("aio.py"), python.clone()),
        ("node", Able::All, program(&[Path::new("node"), &contenders.join("node/client.mjs")]), node),
        (
            "php",
            Able::One,
            program(&[Path::new("php"), &contenders.join("php/client.php")]),
            root.join("target/release/libfast.so"),
        ),
    ]
}

/// The machine as Node calls it.
fn node_machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/bench is in it").into()
}
