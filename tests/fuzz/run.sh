#!/bin/sh
# Builds the fuzz targets and runs each for some seconds: sh run.sh SECONDS [TARGET…]
#
# What a run learns stays in .build/fuzz, so that the next one goes on from there. An input that fails is kept there
# as well; give it to the target's program to see the failure again.
set -eu

seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
[ $# -gt 0 ] || set -- decoder json client_connection server_connection
cd "$(dirname "$0")"

command -v c++ >/dev/null || {
    echo "skipped: fuzz targets (libFuzzer needs a C++ compiler; sh tests/setup.sh installs one)" >&2
    exit 0
}

# What `cargo fuzz` passes too, save for sanitizers, which need an unstable compiler and find nothing in safe code.
# With --target, flags do not reach build scripts, which are not linked with libFuzzer.
host=$(rustc --print host-tuple)
built=../../target/fuzz
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --release --locked --quiet --target "$host" --target-dir "$built"

for target in "$@"; do
    learnt=../../.build/fuzz/$target
    mkdir -p "$learnt"
    if ! "$built/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="../../.build/fuzz/$target-" "$learnt" "corpus/$target" >"$learnt.log" 2>&1; then
        tail -n 40 "$learnt.log" >&2
        echo "fuzz: $target failed; the whole log is .build/fuzz/$target.log, the input beside it" >&2
        exit 1
    fi
    done=$(sed -n 's/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) .*/\1 runs, \2 places of the code reached/p' "$learnt.log")
    printf '%-18s %s\n' "$target" "$done"
done
