//! The peers: what is not libfast.

use crate::contender::{Able, Contender};
use std::path::Path;

/// Those that were built.
pub fn all(root: &Path, floor: &Contender) -> Vec<Contender> {
    let folder = root.join("tests/bench/peers");
    let rust = |name: &str| root.join("target/peers/release").join(name);
    let in_cpp = |name: &str| root.join(".build/peers-cpp").join(name);
    let in_node = |name: &str| (folder.join("node/node_modules/fast"), folder.join("node").join(name));
    let in_python = |name: &str| (root.join(".build/peers/bin/python"), folder.join("python").join(name));
    let mut all = Vec::new();
    // A variable of the environment, if any, then what must have been built, then the program.
    let mut add = |name, able, spelled_out, set: &str, needs: &Path, program: &[&Path]| {
        if needs.exists() {
            let set = if set.is_empty() { vec![] } else { vec!["env".into(), set.into()] };
            let program = program.iter().map(|part| part.display().to_string());
            let program: Vec<_> = set.into_iter().chain(program).collect();
            all.push(Contender { name, server: program.clone(), client: program, able, spelled_out });
        }
    };

    let (one, many) = ("RUNTIME=current-thread", "RUNTIME=multi-thread");
    for (name, program, set) in [
        ("fast-rpc", "fast_rpc", one),
        ("tarpc", "tarpc", one),
        ("tarpc threads", "tarpc", many),
        ("tarpc json", "tarpc", "TRANSPORT=json"),
        ("tonic", "tonic", one),
        ("tonic threads", "tonic", many),
        ("capnp", "capnp", ""),
    ] {
        add(name, Able::All, false, set, &rust(program), &[&rust(program)]);
    }
    for (name, program) in [("thrift c++", "thrift"), ("grpc c++", "grpc")] {
        add(name, Able::All, true, "", &in_cpp(program), &[&in_cpp(program)]);
    }
    for (name, program, set) in [
        ("node-fast", "fast.mjs", ""),
        ("node-fast nodelay", "fast.mjs", "NODELAY=1"),
        ("grpc-js", "grpc.mjs", ""),
        ("thrift node", "thrift.mjs", ""),
    ] {
        let (modules, program) = in_node(program);
        add(name, Able::All, true, set, &modules, &[Path::new("node"), &program]);
    }
    for (name, able, program) in [
        ("grpcio", Able::All, "grpc_blocking.py"),
        ("grpcio asyncio", Able::All, "grpc_asyncio.py"),
        ("thrift python", Able::Threads, "thrift_blocking.py"),
    ] {
        let (python, program) = in_python(program);
        add(name, able, true, "PYTHONDONTWRITEBYTECODE=1", &python, &[&python, &program]);
    }
    // Its own client makes one call at a time.
    for contender in all.iter_mut().filter(|contender| contender.name == "fast-rpc") {
        contender.client.clone_from(&floor.client);
    }
    if all.is_empty() {
        eprintln!("bench: the peers are left out: `make bench-peers` builds them");
    }
    all
}
