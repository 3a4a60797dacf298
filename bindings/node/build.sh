#!/bin/sh
# Builds the native file for this machine and puts it where the loader finds it: native/libfast.PLATFORM-ARCH[-LIBC].node.
# Run it again after a change of the Rust code; it does nothing if there was none.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
make --no-print-directory -C "$root" libraries
built=${CARGO_TARGET_DIR:-$root/target}/release
library=$built/liblibfast_node.so
case $(rustc -vV | sed -n 's/^host: //p') in
    *-linux-gnu*) libc=-gnu ;;
    *-linux-musl*) libc=-musl ;;
    *-darwin) libc='' library=$built/liblibfast_node.dylib ;;
    *) libc='' ;;
esac
name=libfast.$(node -p 'process.platform + "-" + process.arch')$libc.node
mkdir -p "$here/native"
# A new file, not new content: a process that runs keeps the old one mapped.
if ! cmp -s "$library" "$here/native/$name"; then
    cp "$library" "$here/native/$name.new"
    mv "$here/native/$name.new" "$here/native/$name"
fi
# As `npm install` in examples/node would, without npm: `import 'libfast'` works there.
mkdir -p "$root/examples/node/node_modules"
ln -sfn ../../../bindings/node "$root/examples/node/node_modules/libfast"
echo "bindings/node/native/$name"
