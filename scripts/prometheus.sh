#!/bin/sh
# Fetches Debian's Prometheus for the tests of `guesthouse metrics`, without installing it: the
# package starts a server on port 9090, and the tests start their own. Prints the folder of the
# programs; quick and offline when it is filled.
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse/prometheus"
# promtool is put there last: its presence says that the folder is complete.
if [ -x "$cache/promtool" ]; then
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
mkdir -p "$cache"
mv "$work/usr/bin/prometheus" "$cache/"
mv "$work/usr/bin/promtool" "$cache/"
echo "$cache"
