#!/bin/sh
# Builds Versity's S3 gateway for the tests of a state in a bucket: a real server whose buckets are
# folders, pinned in tests/s3server and checked against Go's checksum database. Prints the folder of
# the program; quick and offline when it is built.
set -eu

checkout=$(cd "$(dirname "$0")/.." && pwd)
. "$checkout/scripts/in_cache.sh"
module=$checkout/tests/s3server
cache="${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse/s3-$(sha256sum "$module/go.sum" | cut -c1-16)"
if is_cached "$cache"; then
    echo "$cache"
    exit 0
fi

# Any Go from 1.21 on fetches the toolchain that the module asks for, as engine/build.sh does.
for folder in /usr/local/go/bin /usr/lib/go-*/bin; do PATH="$PATH:$folder"; done
export PATH GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false CGO_ENABLED=0 GOWORK=off
work=$(in_cache room)
trap 'rm -rf "$work"' EXIT
echo "s3: building an S3 server for the tests, 1 to 3 minutes on 2 cores, once" >&2
if ! (cd "$module" && go build -mod=readonly -trimpath -ldflags "-s -w" -o "$work/versitygw" \
    github.com/versity/versitygw/cmd/versitygw >&2); then
    echo "s3: could not be built" >&2
    echo "  hint: run make setup, which installs Go; the Go module proxy must be reachable" >&2
    exit 1
fi
in_cache put "$work" "$cache"
echo "$cache"
