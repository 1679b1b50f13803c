#!/usr/bin/env bash
# Provides the Pulumi engine, its Python language host and the libvirt plugin:
#
#     engine/build.sh [--print]
#
# and links .guesthouse/engine to them (--print writes the folder instead). An engine on PATH is
# used where it is new enough; what is missing is built from the Go modules pinned here, once per
# content of this folder, into ${XDG_CACHE_HOME:-~/.cache}/guesthouse/engine. See README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(dirname "$here")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse/engine

# Any Go from this one on builds everything (the `go` lines of the go.mod files).
go_needed=1.26
# Older ones, from 1.21 on, fetch this toolchain as a module, checked against the checksum database.
go_toolchain=go1.26.7
# The engines that the Python SDK of requirements.lock works with.
engine_oldest=3.259.0
engine_below=4

# shellcheck source=scripts/in_cache.sh
. "$checkout/scripts/in_cache.sh"

say() { printf 'engine: %4ss  %s\n' "$SECONDS" "$*" >&2; }
fail() {
    printf 'engine: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

# at_least VERSION MINIMUM
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }

# The pulumi on PATH, if the engine can be taken from there; our own link does not count.
engine_on_path() {
    local folder found version
    for folder in ${PATH//:/ }; do
        [[ $folder == */.guesthouse/engine || $folder == "$cache"/* ]] && continue
        [[ -x $folder/pulumi ]] || continue
        found=$folder/pulumi
        version=$(PULUMI_SKIP_UPDATE_CHECK=true "$found" version 2>/dev/null) || return 1
        version=${version#v}
        at_least "$version" "$engine_oldest" && ! at_least "$version" "$engine_below" || return 1
        # The language host and its helpers are looked for beside the engine.
        [[ -x $(dirname "$(readlink -f "$found")")/pulumi-language-python ]] || return 1
        dirname "$(readlink -f "$found")"
        return 0
    done
    return 1
}

# Prints the go command; the toolchain to use goes into the second word.
find_go() {
    local candidate version best=
    for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$HOME"/go/bin/go \
        "$HOME"/sdk/go*/bin/go /usr/lib/go/bin/go /usr/lib/go-*/bin/go; do
        [[ -n $candidate && -x $candidate ]] || continue
        version=$(GOTOOLCHAIN=local "$candidate" env GOVERSION 2>/dev/null) || continue
        version=${version#go}
        version=${version%% *}
        if at_least "$version" "$go_needed"; then
            echo "$candidate local"
            return 0
        fi
        at_least "$version" 1.21 && best=$candidate
    done
    [[ -n $best ]] || return 1
    echo "$best $go_toolchain"
}

inputs() {
    (cd "$here" && find . \( -name go.mod -o -name go.sum -o -name '*.go' -o -name build.sh \) \
        ! -name '*_test.go' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    # Built for this processor; with or without an engine of our own.
    uname -m
    echo "${1:-own engine}"
}

# build MODULE-FOLDER PACKAGE OUTPUT [LINKER-FLAGS]
build() {
    say "building $3"
    (cd "$here/$1" && "$go" build -mod=readonly -trimpath -ldflags "-s -w ${4:-}" \
        -o "$staging/bin/$3" "$2") ||
        fail "could not build $3" "the Go module proxy must be reachable: $go env GOPROXY"
}

build_engine() {
    local sdk=github.com/pulumi/pulumi/sdk/v3 version folder
    version=$(cd "$here/pulumi" && "$go" list -m -f '{{.Version}}' "$sdk")
    say "fetching the modules of the Pulumi engine $version"
    (cd "$here/pulumi" && "$go" mod download "$sdk")
    folder=$(cd "$here/pulumi" && "$go" list -m -f '{{.Dir}}' "$sdk")
    # Copied, not linked: a module cache may be cleaned, and has no run bits.
    install -m 755 "$folder/python/cmd/pulumi-language-python-exec" \
        "$folder/python/dist/pulumi-resource-pulumi-python" "$staging/bin/"
    build language-python "$sdk/python/cmd/pulumi-language-python" pulumi-language-python
    say "the engine itself comes last: 3 to 6 minutes on 2 cores, the first time"
    build pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi pulumi \
        "-X $sdk/go/common/version.Version=$version"
}

build_all() {
    local found toolchain
    found=$(find_go) || fail "no Go to build the engine with (needs $go_needed, or 1.21 and newer \
to fetch $go_toolchain as a module)" "apt-get install golang-go (Debian 12: -t bookworm-backports)"
    read -r go toolchain <<<"$found"
    # A go.work above this checkout would replace the modules pinned here.
    export GOTOOLCHAIN=$toolchain GOFLAGS=-buildvcs=false CGO_ENABLED=0 GOWORK=off
    say "using $go ($("$go" version | cut -d' ' -f3))"
    staging=$(in_cache room)
    trap 'rm -rf "$staging"' EXIT
    mkdir "$staging/bin"
    build libvirt . pulumi-resource-libvirt
    if [[ -n $engine ]]; then
        say "using the engine in $engine"
        local program
        for program in "$engine"/pulumi "$engine"/pulumi-language-python* \
            "$engine"/pulumi-resource-pulumi-python; do
            [[ -e $program ]] && ln -s "$program" "$staging/bin/"
        done
    else
        build_engine
    fi
    in_cache put "$staging" "$cache/$key"
}

main() {
    engine=$(engine_on_path || true)
    key=$(inputs "$engine" | sha256sum | cut -c1-16)
    if ! is_cached "$cache/$key"; then
        say "building into $cache/$key"
        build_all
        say "done"
    fi
    if [[ ${1:-} == --print ]]; then
        echo "$cache/$key/bin"
        return
    fi
    mkdir -p "$checkout/.guesthouse"
    ln -sfnT "$cache/$key/bin" "$checkout/.guesthouse/engine"
}

main "$@"
