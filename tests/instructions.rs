//! The call path takes no more instructions than it did: counted, because times depend on the machine and its mood.
//!
//! Counted are those of a client and a server together, in user space, without what comes once; the ceilings are in
//! tests/bench/src/counted.rs. Who makes the path cheaper lowers them, to a tenth above what the test prints.

use libfast_bench::{COUNTED, Counted};
use std::path::Path;
use std::process::Command;

#[test]
fn calls_take_no_more_instructions_than_they_did() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/counted");
    assert!(program.exists(), "make test-whole builds {}", program.display());
    if !is_as_when_counted() {
        println!(
            "skipped: instructions were counted on x86_64 with AVX2 and PCLMULQDQ, which this machine lacks"
        );
        return;
    }
    let mut above = Vec::new();
    for counted in COUNTED {
        // Sixteen bursts, or as many calls.
        let few = 2 * counted.in_flight;
        let many = few + 16 * counted.in_flight;
        let instructions = instructions(&program, counted, many) - instructions(&program, counted, few);
        let per_call = instructions / (many - few) as u64;
        println!("{:8} {per_call:9} instructions per call, at most {}", counted.name, counted.ceiling);
        if per_call > counted.ceiling {
            above.push(counted.name);
        }
    }
    assert!(above.is_empty(), "{above:?} take more than they may: `callgrind_annotate` shows where");
}

/// With other instructions for sums and copies the counts are others.
fn is_as_when_counted() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("pclmulqdq");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

fn instructions(program: &Path, counted: &Counted, calls: usize) -> u64 {
    let written = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", written.path().display())])
        .arg(program)
        .args([counted.name, &calls.to_string()])
        .output()
        .expect("valgrind runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = told.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, number)| number.trim().parse().ok()).unwrap_or_else(|| panic!("{told}"))
}
