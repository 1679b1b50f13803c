#!/bin/sh
# Fetches Debian's Prometheus for the tests of `guesthouse metrics`, without installing it: the
# package starts a server on port 9090, and the tests start their own. Prints the folder of the
# programs; quick and offline when they are there already.
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
. "$checkout/scripts/in_cache.sh"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse/prometheus"
if is_cached "$cache"; then
    echo "$cache"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if ! (cd "$work" && apt-get -qq -o APT::Sandbox::User= download prometheus); then
    echo "prometheus: the package 'prometheus' can't be fetched from apt's mirror" >&2
    echo "  hint: see apt's message above; does 'apt-get update' work here?" >&2
    exit 1
fi
dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb |
    tar -x -C "$work" ./usr/bin/prometheus ./usr/bin/promtool
made=$(in_cache room)
trap 'rm -rf "$work" "$made"' EXIT
mv "$work/usr/bin/prometheus" "$work/usr/bin/promtool" "$made/"
in_cache put "$made" "$cache"
echo "$cache"
