#!/bin/sh
# Builds the native file for this machine and puts it where the loader finds it: native/libfast.PLATFORM-ARCH[-LIBC].node.
# Run it again after a change of the Rust code; it does nothing if there was none.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
cargo build --release -p libfast-node
built=${CARGO_TARGET_DIR:-$root/target}/release
name=$(node "$here/lib/native_name.js")
case $(uname -s) in
    Darwin) library=$built/liblibfast_node.dylib ;;
    *) library=$built/liblibfast_node.so ;;
esac
mkdir -p "$here/native"
# A new file, not new content: a process that runs keeps the old one mapped.
if ! cmp -s "$library" "$here/native/$name"; then
    cp "$library" "$here/native/$name.new"
    mv "$here/native/$name.new" "$here/native/$name"
fi
echo "bindings/node/native/$name"
