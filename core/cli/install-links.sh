#!/bin/sh
# Gives libfast-cli its five names: install-links.sh DIR, where DIR holds libfast-cli. Running it again changes nothing.
set -eu
if [ $# -ne 1 ] || [ ! -x "$1/libfast-cli" ]; then
    echo "usage: install-links.sh DIR   (DIR holds the program libfast-cli)" >&2
    exit 2
fi
for name in fastcall fastserve fastbench fastctl fastd; do
    [ "$(readlink -- "$1/$name")" = libfast-cli ] || ln -sfn -- libfast-cli "$1/$name"
done
