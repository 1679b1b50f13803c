#!/bin/sh
# Fetches cloud-init's own JSON schemas for tests/schema, from Debian 13's package `cloud-init`,
# which is what our guests run (Debian 12's is too old to have a schema of network-config).
# Usage: scripts/schemas.sh [--force]. Prints the folder; quick and offline when it is there already.
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
. "$checkout/scripts/in_cache.sh"

suite=trixie
cache="${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse/schemas"
if [ "${1:-}" != "--force" ] && is_cached "$cache"; then
    echo "$cache"
    exit 0
fi

# The mirror is the one that this machine's apt already uses; its configuration stays untouched:
# a source list, package lists and status file of our own, in a folder that goes away again.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(SITE)' \
    'Created-By: Packages' | awk '$2 == "Debian" && $3 == "main" && !/security/ {print $1; exit}')
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -z "$mirror" ] || [ ! -r "$keyring" ]; then
    echo "schemas: apt knows no Debian mirror (or $keyring is missing)" >&2
    echo "  hint: run 'apt-get update' and install 'debian-archive-keyring', then try again" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/deb"
: > "$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main" > "$work/sources.list"

# apt-get as above, in the folder where a downloaded package is to lie.
own_apt() {
    (cd "$work/deb" && apt-get -qq \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" \
        -o Dir::Cache="$work" -o Dir::Cache::Archives="$work/archives" \
        -o Acquire::Languages=none -o APT::Sandbox::User= "$@")
}
if ! { own_apt update && own_apt download cloud-init; }; then
    echo "schemas: the package 'cloud-init' of $suite can't be fetched from apt's Debian mirror" >&2
    echo "  hint: see apt's message above; does 'apt-get update' work here?" >&2
    exit 1
fi
dpkg-deb -x "$work"/deb/cloud-init_*.deb "$work/tree"
made=$(in_cache room)
trap 'rm -rf "$work" "$made"' EXIT
from="$work/tree/usr/lib/python3/dist-packages/cloudinit/config/schemas"
cp "$from/schema-cloud-config-v1.json" "$made/"
cp "$from/schema-network-config-v2.json" "$made/"
[ "${1:-}" != "--force" ] || rm -rf "$cache"
in_cache put "$made" "$cache"
echo "$cache"
