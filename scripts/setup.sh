#!/usr/bin/env bash
# Prepares this checkout: system packages, locked Python environment, Pulumi engine, a place for
# the state. Safe to run again at any time; each step looks first whether it is done.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guesthouse
local_state=$checkout/.guesthouse
venv=$checkout/.venv

python_oldest=3.11
qemu_oldest=8
uv_version=0.13.9
uv_sha256=d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19
# The only locked package without wheels; what it is built with is in build.in and build.lock.
built_from_source=libvirt-python

# Package, and a program of it for systems without dpkg.
packages=(
    # the lab's emulated hosts and their images
    qemu-system-x86=qemu-system-x86_64 qemu-utils=qemu-img mmdebstrap=mmdebstrap uidmap=newuidmap
    dosfstools=mkfs.fat mtools=mcopy syslinux=syslinux syslinux-common= fdisk=sfdisk
    e2fsprogs=mke2fs fakeroot=fakeroot zstd=zstd xz-utils=xz openssl=openssl
    # its container hosts, which who is not root has by sudo
    systemd-container=systemd-nspawn iproute2=ip util-linux=nsenter sudo=sudo
    # what that emulator is built from where there is no KVM (lab/emulator.py)
    meson= ninja-build= python3-pycotap= libglib2.0-dev= libslirp-dev= libfdt-dev=
    # libvirt's client library, which libvirt-python is compiled against
    libvirt-clients=virsh libvirt-dev= pkg-config=pkg-config gcc=gcc libc6-dev=
    # schemas for the tests: libvirt's own, and the key to cloud-init's package
    libvirt-common= debian-archive-keyring=
    # the way to the machines, and to registries
    openssh-client=ssh ca-certificates= python3=python3 python3-venv=
)
# With --lab: the lab's images and emulator, built beside the engine.
# With --long: a libvirtd and an ssh server that the long tests run in namespaces of their own. No
# service comes with them.
if [[ ${1:-} == --long ]]; then
    packages+=(libvirt-daemon=libvirtd libvirt-daemon-driver-qemu= libvirt-daemon-driver-storage=
        libvirt-daemon-driver-network= dnsmasq-base=dnsmasq dropbear-bin=dropbear
        openssh-sftp-server=)
fi
# On Debian 12 these are too old in the release itself.
from_backports=(qemu-system-x86 qemu-utils libvirt-clients libvirt-dev libvirt-common golang-go
    libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-driver-storage
    libvirt-daemon-driver-network meson python3-pycotap)

# shellcheck source=scripts/in_cache.sh
. "$checkout/scripts/in_cache.sh"

say() { printf 'setup: %4ss  %s\n' "$SECONDS" "$*" >&2; }
fail() {
    printf 'setup: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }
contains() { [[ " ${*:2} " == *" $1 "* ]]; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for: $*" "run that command as root, then make setup again"
    fi
}

# ---- system packages --------------------------------------------------------

detect_system() {
    system=other backports=''
    [[ -r /etc/os-release ]] || return 0
    local ID='' VERSION_ID='' VERSION_CODENAME=''
    # shellcheck disable=SC1091
    . /etc/os-release
    [[ $ID == debian && $(dpkg --print-architecture) == amd64 ]] || return 0
    case $VERSION_ID in
    12) system=debian backports=$VERSION_CODENAME-backports ;;
    13) system=debian ;;
    esac
}

installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Any Go from 1.21 on can fetch the one that the engine needs; an engine on PATH still leaves the
# libvirt plugin to build.
go_is_there() {
    local go version
    for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
        [[ -n $go && -x $go ]] || continue
        version=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
        at_least "${version#go}" 1.21 && return 0
    done
    return 1
}

qemu_version() { qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.*version \([0-9.]*\).*/\1/p'; }

missing_packages() {
    local entry
    for entry in "${packages[@]}"; do
        installed "${entry%%=*}" || echo "${entry%%=*}"
    done
    # An older QEMU of the release is to be replaced by the backport.
    if installed qemu-system-x86 && ! at_least "$(qemu_version)" "$qemu_oldest"; then
        printf '%s\n' qemu-system-x86 qemu-utils
    fi
    # QEMU's build wants a newer one than the release has.
    if installed meson && ! at_least "$(dpkg-query --show --showformat '${Version}' meson)" 1.5; then
        echo meson
    fi
    go_is_there || echo golang-go
    # libvirt-python is compiled with the headers of its Python: Debian's, if none is here yet.
    if [[ $(command -v python3 || echo /usr/bin/python3) == /usr/bin/python3 ]] &&
        ! installed python3-dev; then
        echo python3-dev
    fi
}

# The mirror is the one that this machine uses already.
add_backports() {
    local have mirror signed_by=/usr/share/keyrings/debian-archive-keyring.gpg
    # shellcheck disable=SC2016  # apt's own placeholders
    have=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages')
    grep -q "^$backports " <<<"$have" && return
    mirror=$(sed -n "s/^${backports%-backports} //p" <<<"$have" | head -n1)
    [[ -n $mirror ]] || fail "no Debian mirror in apt's sources" \
        "add ${backports%-backports} main to apt's sources"
    local file=/etc/apt/sources.list.d/guesthouse-backports.sources
    say "adding $backports from $mirror in $file"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$mirror" "$backports" "$signed_by" | as_root tee "$file" >/dev/null
    as_root apt-get -qq update
}

install_packages() {
    local wanted=("$@") release=() backported=() package
    for package in "${wanted[@]}"; do
        if [[ -n $backports ]] && contains "$package" "${from_backports[@]}"; then
            backported+=("$package")
        else
            release+=("$package")
        fi
    done
    ((EUID == 0)) || say "asking sudo for apt-get"
    say "installing Debian packages: ${wanted[*]}"
    if ((${#backported[@]})); then
        say "from $backports, newer than Debian 12's own: ${backported[*]}"
    fi
    as_root apt-get -qq update
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends
        -o DPkg::Lock::Timeout=120)
    if ((${#backported[@]})); then
        add_backports
        as_root "${apt[@]}" install -t "$backports" "${backported[@]}" >/dev/null
    fi
    if ((${#release[@]})); then
        as_root "${apt[@]}" install "${release[@]}" >/dev/null
    fi
}

check_programs() {
    local entry program lacking=() path=$PATH:/usr/sbin:/sbin
    for entry in "${packages[@]}"; do
        program=${entry#*=}
        [[ -z $program ]] || PATH=$path command -v "$program" >/dev/null || lacking+=("$entry")
    done
    if ((${#lacking[@]})); then
        fail "this is not Debian 12 or 13 on x86-64, and these programs are missing: ${lacking[*]#*=}" \
            "install what Debian calls: ${lacking[*]%%=*} (and the headers of libvirt and Python)"
    fi
}

setup_packages() {
    detect_system
    if [[ $system == debian ]]; then
        local missing
        mapfile -t missing < <(missing_packages)
        if ((${#missing[@]})); then
            install_packages "${missing[@]}"
            mapfile -t missing < <(missing_packages)
            ((${#missing[@]} == 0)) || fail "still missing: ${missing[*]}" "see apt's messages above"
        fi
    else
        check_programs
    fi
    local version
    version=$(qemu_version)
    at_least "$version" "$qemu_oldest" || fail "QEMU is $version, needs $qemu_oldest or newer" \
        "older ones cannot emulate SR-IOV (igb)"
}

# ---- Python -----------------------------------------------------------------

find_python() {
    local name found
    for name in python3 python3.13 python3.12 python3.11; do
        found=$("$name" -c 'import sys; print(sys.executable)
raise SystemExit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' \
            "$python_oldest" 2>/dev/null) && echo "$found" && return
    done
    fail "no Python $python_oldest or newer on PATH" "install one"
}

# The uv that PATH names, if it works (a version manager's stub may not); our own link does not count.
uv_on_path() {
    local folder
    for folder in ${PATH//:/ }; do
        [[ $folder == */.guesthouse/bin ]] && continue
        [[ -x $folder/uv ]] && "$folder/uv" --version >/dev/null 2>&1 || continue
        echo "$folder/uv"
        return 0
    done
    return 1
}

setup_uv() {
    uv=$(uv_on_path) && return
    local home=$cache/uv-$uv_version work
    uv=$home/bin/uv
    if ! is_cached "$home"; then
        say "installing uv $uv_version into $home"
        work=$(in_cache room)
        # shellcheck disable=SC2064  # this folder, whatever the variable holds later
        trap "rm -rf '$work'" EXIT
        "$python" -m venv "$work/pip"
        "$work/pip/bin/python" -m pip install --quiet --only-binary :all: --require-hashes \
            --target "$work/made" \
            --requirement /dev/stdin <<<"uv==$uv_version --hash=sha256:$uv_sha256" ||
            fail "could not install uv" "a Python package index must be reachable"
        in_cache put "$work/made" "$home"
        rm -rf "$work"
        trap - EXIT
    fi
    mkdir -p "$local_state/bin"
    ln -sfn "$uv" "$local_state/bin/uv"
}

setup_python() {
    local python stamp=$venv/.guesthouse-lock wanted uv
    python=$(find_python)
    setup_uv
    local lock=$checkout/requirements.lock build_lock=$checkout/build.lock
    wanted=$(cat "$lock" "$build_lock" "$checkout/pyproject.toml" | sha256sum)
    if [[ -x $venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    say "Python environment from requirements.lock ($python)"
    export UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=$venv
    # Not the environment of another Python, nor one that lost it.
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        "$uv" venv --quiet --clear --python "$python" "$venv"
    fi
    # Builds take what they need from build.lock and fetch nothing (docs/decisions/0001-lock-file.md).
    "$uv" pip install --quiet --no-deps --require-hashes --only-binary :all: \
        --requirement "$build_lock" ||
        fail "could not install build.lock" "a Python package index must be reachable; see above"
    "$uv" pip sync --quiet --require-hashes --no-build-isolation --only-binary :all: \
        --no-binary "$built_from_source" "$build_lock" "$lock" ||
        fail "could not install requirements.lock" "a Python package index must be reachable; see above"
    "$uv" pip install --quiet --no-deps --no-build-isolation --editable "$checkout" ||
        fail "could not install this checkout" "see above"
    echo "$wanted" >"$stamp"
}

# ---- state ------------------------------------------------------------------

setup_state() {
    mkdir -p "$local_state/state" "$local_state/pulumi"
    chmod 700 "$local_state/state" "$local_state/pulumi"
    local passphrase=$local_state/passphrase
    if [[ ! -s $passphrase ]]; then
        local encrypted
        # As modules/guesthouse/cli/passphrase.py.
        encrypted=$(cd "$checkout" && {
            grep -ls '^encryptionsalt:' stacks/Pulumi.?*.yaml || true
            grep -rlsE --include='*.json' '"type": *"passphrase"' .guesthouse/state/.pulumi/stacks || true
        })
        [[ -z $encrypted ]] || fail \
            ".guesthouse/passphrase: is missing, and files are encrypted with it, got ${encrypted//$'\n'/, }" \
            "write it there again from your copy; if there is none, the secrets are lost: move these files away, then run: make setup"
        say "generating $passphrase: the state's secrets are encrypted with it, keep it with the state"
        (umask 077 && head -c 32 /dev/urandom | base64 >"$passphrase.new")
        mv "$passphrase.new" "$passphrase"
    fi
}

# Each leaves a core idle now and then.
build_lab_beside_engine() {
    # Through a pipe: two programs cannot both draw on a terminal.
    setsid "$venv/bin/guesthouse" -C "$checkout" lab build 2> >(cat >&2) &
    local images=$!
    # A job in the background does not see Ctrl-C; all that it started ends with it.
    # shellcheck disable=SC2064  # this process
    trap "kill -- -$images 2>/dev/null || true" EXIT
    "$checkout/engine/build.sh"
    wait $images || fail "the lab's images could not be built" "see above"
    trap - EXIT
}

main() {
    setup_packages
    mkdir -p "$local_state"
    setup_python
    if [[ ${1:-} == --lab ]]; then
        build_lab_beside_engine
    else
        "$checkout/engine/build.sh"
    fi
    "$checkout/scripts/schemas.sh"
    "$checkout/scripts/prometheus.sh"
    setup_state
    say "ready; for a shell with pulumi: . ./env.sh"
}

main "$@"
