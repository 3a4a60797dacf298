# Every task of the repository. `make demo` and `make test` do all their own set-up on a Debian machine with Rust, gcc,
# Python 3.11, Node 20, Java 17 and root.

SHELL := /bin/sh
CARGO := cargo
REGISTRY ?= dir
VENV := .build/venv
FUZZ_SECONDS ?= 600

.PHONY: help demo test check build tools bindings thrift bench bench-peers faults generate setup test-core test-bindings test-whole fuzz fuzz-smoke fmt clean

help:                ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: setup bindings ## servers and clients in every language; REGISTRY=zk for ZooKeeper
	$(CARGO) build --release --quiet -p libfast-demo
	target/release/libfast-demo $(REGISTRY)

test: setup check test-core bindings test-bindings test-whole fuzz-smoke ## all tests
	@echo "make test: all passed"

check:               ## formatting, lints, layers, stale files, fast tests: the inner loop
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	$(CARGO) clippy --quiet -p libfast-python -p libfast-node --lib -- -D warnings
	$(CARGO) run --quiet -p libfast-codegen -- --check
	$(CARGO) test --quiet -p libfast-tests --test layers --test files --test licences --test compatibility
	$(CARGO) test --quiet -p libfast-model -p libfast-protocol -p libfast-balance -p libfast-embed

build: tools         ## release build: the tools and libfast.so, libfast.a in target/release
	$(CARGO) build --release -p libfast-ffi -p libfast --examples --lib

tools:
	$(CARGO) build --release -p libfast-cli -p libfast-ffi
	sh core/cli/install-links.sh target/release

bindings: build      ## the bindings and examples of all languages
	$(MAKE) -C bindings/cpp
	sh bindings/python/build.sh
	sh bindings/node/build.sh

thrift: bindings     ## examples/thrift: servers and clients of Apache Thrift that libfast brings together
	sh tests/setup.sh examples/thrift/packages.txt
	$(MAKE) -C examples/thrift

generate:            ## header, constants and tables from their sources
	$(CARGO) run --quiet -p libfast-codegen

setup:               ## system packages that are missing
	sh tests/setup.sh

NODE_FAST := tests/interop/node-fast

interop-peers: $(NODE_FAST)/node_modules/.package-lock.json ## the real node-fast and rust-fast, which tests talk to
	CARGO_TARGET_DIR=target/interop $(CARGO) build --quiet --locked --manifest-path tests/interop/rust-fast/Cargo.toml
	$(CARGO) build --quiet -p libfast-cli

# npm writes this file last. The scripts of the packages would only build what comes built, and what is optional.
$(NODE_FAST)/node_modules/.package-lock.json: $(NODE_FAST)/package-lock.json
	cd $(NODE_FAST) && npm ci --silent --ignore-scripts --no-audit --no-fund

test-core:
	$(CARGO) test --quiet --workspace --exclude libfast-python --exclude libfast-node --exclude libfast-tests

test-bindings:
	$(MAKE) -C bindings/cpp test
	$(VENV)/bin/pytest -q bindings/python/tests
	cd bindings/node && npm ci --silent --no-audit --no-fund && node --test test/
	php bindings/php/tests/run.php

test-whole: interop-peers thrift
	$(CARGO) build --release --quiet -p libfast-bench --bin counted
	$(CARGO) test --quiet -p libfast-tests -- --nocapture
	$(CARGO) build --release --quiet -p libfast-demo
	target/release/libfast-demo dir
	target/release/libfast-demo zk

fuzz:                ## each fuzz target for FUZZ_SECONDS, by default 600
	sh tests/fuzz/run.sh $(FUZZ_SECONDS)

fuzz-smoke:
	sh tests/fuzz/run.sh 15

# A quick run is not worth keeping.
bench: PAGE := $(if $(QUICK),.build/bench/BENCHMARKS.md,docs/BENCHMARKS.md)
bench: bindings      ## libfast in every language next to the floor, into docs/BENCHMARKS.md: 20 minutes; QUICK=1: 3, into .build
	$(CARGO) build --release --quiet -p libfast-bench
	$(MAKE) -C tests/bench/contenders/c
	target/release/bench -d all $(if $(QUICK),,-s 0.5) -o $(dir $(PAGE))benchmarks/results.json -p $(PAGE)

bench-peers:         ## build the peers, which `make bench` then measures, too; installs what they need
	sh tests/setup.sh tests/bench/peers/packages.txt
	$(CARGO) build --release --quiet --manifest-path tests/bench/peers/rust/Cargo.toml --target-dir target/peers
	$(MAKE) -C tests/bench/peers/cpp
	cd tests/bench/peers/node && npm ci --silent --ignore-scripts --no-audit --no-fund
	python3 -m venv .build/peers
	.build/peers/bin/pip install --quiet --disable-pip-version-check -r tests/bench/peers/python/requirements.txt

# Rows that are named are run anew, the others stay as they were measured.
faults:              ## libfast while things break, into docs/FAULTS.md: 20 minutes; ROWS="1 22" for some rows
	$(CARGO) build --release --quiet -p libfast-faults
	target/release/faults $(if $(ROWS),-i docs/faults/results.json) -o docs/faults/results.json -p docs/FAULTS.md $(ROWS)

fmt:                 ## format the Rust sources
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml

clean:               ## everything that was built
	rm -rf target .build
