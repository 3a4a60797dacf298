#!/bin/sh
# Installs the system packages that are missing: those of the files named, or else those that the demo and the tests need.
set -eu

cd "$(dirname "$0")/.."
packages="$(cat "${@:-bindings/cpp/packages.txt}")"
[ $# -gt 0 ] || packages="$packages php-cli nftables"
# Debian's own Python comes without what makes virtual environments; others bring it along.
python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "setup: missing packages:$missing; install them, or run this as root" >&2
    exit 1
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# The lists may be missing or old on a fresh machine.
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
