#!/usr/bin/env bash
# Tests the mends of the libvirt plugin against a real libvirtd, a private one by default:
#
#     engine/test.sh [go test arguments]
#
# With GUESTHOUSE_TEST_URI and GUESTHOUSE_TEST_SSH_CONFIG set, against that one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/libvirt"
if [[ -n ${GUESTHOUSE_TEST_URI:-} ]]; then
    exec go test -trimpath -count=1 "$@" .
fi
# Compiled outside: the namespaces have no network.
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
go test -trimpath -c -o "$binary" .
chmod +x "$binary"
./private-libvirtd.sh "$binary" -test.count=1 "${@/#-/-test.}"
