#!/bin/sh
# Builds the Python package and installs it into the repository's own environment, .build/venv. May be run again at any time.
# Then: .build/venv/bin/pytest bindings/python/tests. A wheel: `pip wheel .` in this folder.
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

# As `maturin develop` does it; that would compile everything once more, see LIBRARIES in the Makefile.
make --no-print-directory -C "$root" libraries
built=${CARGO_TARGET_DIR:-$root/target}/release/lib_native.so
installed="$here/python/libfast/_native.abi3.so"
# A new file, not new content: a process that runs keeps the old one mapped.
if ! cmp -s "$built" "$installed"; then
    cp "$built" "$installed.new"
    mv "$installed.new" "$installed"
fi
packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$here/python" > "$packages/libfast.pth"
