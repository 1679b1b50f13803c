#!/usr/bin/env bash
# The plugin's mends through the engine: up, nothing to change, drift, repair, adoption after a
# lost state, replacement, unreachable host, destroy. Inside a private libvirtd:
#
#     engine/libvirt/private-libvirtd.sh engine/libvirt/journey/run.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
checkout=$(cd ../../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work" Pulumi.*.yaml' EXIT
mkdir "$work/state"
export PATH=$checkout/.guesthouse/engine:$checkout/.venv/bin:$PATH
export PULUMI_HOME=$work/home PULUMI_BACKEND_URL=file://$work/state
export PULUMI_CONFIG_PASSPHRASE=journey PULUMI_SKIP_UPDATE_CHECK=true
export JOURNEY_PATH=$work/pool JOURNEY_SSH=$GUESTHOUSE_TEST_SSH_CONFIG
# shellcheck disable=SC2016  # the plugin expands the variable, the state does not hold the path
JOURNEY_URI='qemu+ssh://private/system?guesthouse_ssh_config=${JOURNEY_SSH}&guesthouse_ssh_name=private'
export JOURNEY_URI="$JOURNEY_URI&guesthouse_mark=site/journey/test&socket=$GUESTHOUSE_TEST_SOCKET"

step() { printf '%4ss  %s\n' "$SECONDS" "$*"; }
on_host() { virsh --quiet --connect "$GUESTHOUSE_TEST_URI" "$@" >/dev/null; }
quiet() {
    if ! "$@" >"$work/log" 2>&1; then
        cat "$work/log"
        return 1
    fi
}
shows() { grep -q -- "$1" "$work/log" || { cat "$work/log"; echo "missing: $1"; return 1; }; }
unchanged() { quiet pulumi preview --refresh --expect-no-changes; }

quiet pulumi stack init test
step "up";                      quiet pulumi up --yes --skip-preview
step "nothing to change";       unchanged
quiet pulumi preview --expect-no-changes
step "drift is shown"
on_host pool-destroy guests; on_host pool-autostart guests --disable
on_host net-destroy nat
quiet pulumi preview --refresh --diff
shows 'active *: true => false'; shows '2 to update'
step "and repaired";            quiet pulumi up --refresh --yes --skip-preview
shows '2 updated'
unchanged
step "gone is made again"
on_host net-destroy none; on_host net-undefine none
quiet pulumi up --refresh --yes --skip-preview
shows '1 created'
step "lost state: adopted"
touch "$JOURNEY_PATH/precious"
before=$(virsh --connect "$GUESTHOUSE_TEST_URI" net-uuid nat)
rm -rf "$work/state"; mkdir "$work/state"
quiet pulumi stack init test
quiet pulumi up --yes --skip-preview
[[ $(virsh --connect "$GUESTHOUSE_TEST_URI" net-uuid nat) == "$before" ]]
unchanged
step "replaced, old one first"; JOURNEY_DHCP=no quiet pulumi up --yes --skip-preview
shows '3 replaced'
JOURNEY_DHCP=no unchanged
step "another stack is refused"
quiet pulumi stack init other
if JOURNEY_URI=${JOURNEY_URI/mark=site/mark=other} JOURNEY_BRIDGES=other \
    pulumi up --yes --skip-preview --continue-on-error >"$work/log" 2>&1; then
    exit 1
fi
shows 'storage pool "guests" exists and was not made by this stack'
shows 'network "nat" exists and was not made by this stack'
quiet pulumi stack select test
step "no sshd: a preview needs no host"
export JOURNEY_DHCP=no
sed -i 's/^  Port .*/  Port 1/' "$JOURNEY_SSH"
quiet pulumi preview --expect-no-changes
if pulumi preview --refresh >"$work/log" 2>&1; then exit 1; fi
shows 'ssh failed'
sed -i 's/^  Port .*/  Port 2200/' "$JOURNEY_SSH"
step "destroy keeps the files"; quiet pulumi destroy --yes --skip-preview
left=$(for kind in net pool; do
    virsh --connect "$GUESTHOUSE_TEST_URI" "$kind-list" --all --name
done)
[[ -z $left ]] || { echo "left behind: $left"; exit 1; }
[[ -e $JOURNEY_PATH/precious ]] || { echo "the file is gone"; exit 1; }
step "done"
