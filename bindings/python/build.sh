#!/bin/sh
# Builds the Python package and installs it into the repository's own environment, .build/venv. May be run again at any time.
# Then: .build/venv/bin/pytest bindings/python/tests
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/.build/venv"

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
stamp="$venv/.requirements-dev.txt"
if ! cmp -s "$here/requirements-dev.txt" "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-dev.txt"
    cp "$here/requirements-dev.txt" "$stamp"
fi
VIRTUAL_ENV="$venv" "$venv/bin/maturin" develop --release --quiet --manifest-path "$here/Cargo.toml"
