# Every task of the repository. `make demo` and `make test` do all their own set-up on a Debian machine with Rust, gcc,
# Python 3.11, Node 20, Java 17 and root.

SHELL := /bin/sh
CARGO := cargo
REGISTRY ?= dir
VENV := .build/venv
FUZZ_SECONDS ?= 600

# Cargo resolves features for the packages that a command names, and builds anew what these change. So all commands name the
# same packages, the whole workspace, and pick targets by name. What is shipped for other languages, and the benchmark of
# it, is apart: it has nothing of what only tools and tests need of the libraries below, as the signals of tokio.
LIBRARIES := PYO3_BUILD_EXTENSION_MODULE=1 $(CARGO) build --release -p libfast-ffi -p libfast-python -p libfast-node -p libfast-bench
TOOLS := $(CARGO) build --release --workspace --bin libfast-cli
# What is not shipped: optimised as a whole, each example would take over a minute of CPU time instead of seconds.
PROGRAMS := CARGO_PROFILE_RELEASE_LTO=off $(CARGO) build --release --workspace
CODEGEN := $(CARGO) build --quiet --workspace --bin libfast-codegen && target/debug/libfast-codegen

.PHONY: help demo test check lint build tools libraries bindings thrift prometheus bench bench-peers faults generate setup test-core test-bindings test-whole fuzz fuzz-smoke fmt clean

help:                ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: setup bindings ## servers and clients in every language; REGISTRY=zk for ZooKeeper
	target/release/libfast-demo $(REGISTRY)

test: setup lint test-core bindings test-bindings test-whole fuzz-smoke ## all tests
	@echo "make test: all passed"

# The tests of these crates are fast. Those of other crates that have the same names run with them.
FAST := core/protocol core/balance core/embed
FAST_TESTS := $(notdir $(patsubst %.rs,%,$(wildcard $(FAST:%=%/tests/*.rs))) $(patsubst %/main.rs,%,$(wildcard $(FAST:%=%/tests/*/main.rs))))

check: lint          ## formatting, lints, layers, stale files, fast tests: the inner loop
	$(CARGO) test --quiet --workspace --lib $(addprefix --test ,layers features files licences compatibility $(FAST_TESTS))

lint:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	$(CODEGEN) --check

build: tools libraries ## release build: the tools, libfast.so and libfast.a in target/release

tools:
	$(TOOLS)
	sh core/cli/install-links.sh target/release

libraries:
	$(LIBRARIES) --lib

bindings: build      ## the bindings and examples of all languages
	$(PROGRAMS) --examples --bin libfast-demo
	$(MAKE) -C bindings/cpp
	sh bindings/python/build.sh
	sh bindings/node/build.sh

thrift: bindings     ## examples/thrift: servers and clients of Apache Thrift that libfast brings together
	sh tests/setup.sh examples/thrift/packages.txt
	$(MAKE) -C examples/thrift

prometheus:          ## examples/prometheus: fetches Prometheus, which finds servers in ZooKeeper
	$(MAKE) -C examples/prometheus

generate:            ## header, constants and tables from their sources
	$(CODEGEN)

setup:               ## system packages that are missing
	sh tests/setup.sh

NODE_FAST := tests/interop/node-fast

interop-peers: $(NODE_FAST)/node_modules/.package-lock.json ## the real node-fast and rust-fast, which tests talk to
	CARGO_TARGET_DIR=target/interop $(CARGO) build --quiet --locked --manifest-path tests/interop/rust-fast/Cargo.toml
	$(CARGO) test --quiet --workspace --no-run --test tools # with libfast-cli, which these tests run

# npm writes this file last. The scripts of the packages would only build what comes built, and what is optional.
$(NODE_FAST)/node_modules/.package-lock.json: $(NODE_FAST)/package-lock.json
	cd $(NODE_FAST) && npm ci --silent --ignore-scripts --no-audit --no-fund

test-core:
	$(CARGO) test --quiet --workspace --exclude libfast-tests

test-bindings:
	$(MAKE) -C bindings/cpp test
	$(VENV)/bin/pytest -q bindings/python/tests
	cd bindings/node && npm ci --silent --no-audit --no-fund && node --test test/
	php bindings/php/tests/run.php

test-whole: interop-peers thrift prometheus
	$(LIBRARIES) --quiet --bin counted
	$(CARGO) test --quiet --workspace $(patsubst tests/%.rs,--test %,$(wildcard tests/*.rs)) -- --nocapture
	target/release/libfast-demo dir
	target/release/libfast-demo zk

fuzz:                ## each fuzz target for FUZZ_SECONDS, by default 600
	sh tests/fuzz/run.sh $(FUZZ_SECONDS)

fuzz-smoke:
	sh tests/fuzz/run.sh 15

# A quick run is not worth keeping.
bench: PAGE := $(if $(QUICK),.build/bench/BENCHMARKS.md,docs/BENCHMARKS.md)
bench: bindings      ## libfast in every language next to the floor, into docs/BENCHMARKS.md: 20 minutes; QUICK=1: 3, into .build
	$(LIBRARIES) --quiet --bins
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
	$(PROGRAMS) --quiet --bin faults
	target/release/faults $(if $(ROWS),-i docs/faults/results.json) -o docs/faults/results.json -p docs/FAULTS.md $(ROWS)

fmt:                 ## format the Rust sources
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml

clean:               ## everything that was built
	rm -rf target .build
