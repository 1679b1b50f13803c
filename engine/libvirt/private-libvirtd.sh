#!/usr/bin/env bash
# Runs a command beside a libvirtd and an ssh server of its own:
#
#     engine/libvirt/private-libvirtd.sh COMMAND...
#
# Both live in namespaces of their own (mounts, network, processes), so that nothing of this
# machine's libvirt, networks or ssh is seen or touched, and all of it ends with the command.
# The ssh server is dropbear: its package dropbear-bin brings no service, openssh-server does.
# The command finds
#   GUESTHOUSE_TEST_URI          libvirtd over its unix socket
#   GUESTHOUSE_TEST_SSH_CONFIG   an ssh_config whose host `private` reaches it over ssh
#   GUESTHOUSE_TEST_LIBVIRTD_PID the daemon's process, for tests that stop it
# Needs libvirtd with its qemu, network and storage drivers, dnsmasq, dropbear, sftp-server, and
# root or unprivileged user namespaces. `scripts/setup.sh --long` installs them.
set -euo pipefail

if [[ ${1:-} != --inside ]]; then
    for program in libvirtd virsh dnsmasq dropbear dropbearconvert ssh-keygen unshare; do
        if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
            echo "private-libvirtd.sh: $program is missing: run scripts/setup.sh --long" >&2
            exit 3
        fi
    done
    root=()
    ((EUID == 0)) || root=(--map-root-user)
    exec unshare "${root[@]}" --mount --net --pid --fork --kill-child --mount-proc \
        "$0" --inside "$@"
fi
shift

export PATH=$PATH:/usr/sbin:/sbin
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

mount -t tmpfs none /run
# Where the tests put their pools; mktemp's folder above is not below it.
[[ $here == /var/tmp/* ]] || mount -t tmpfs none /var/tmp
mkdir -p /run/libvirt /run/sshd
for folder in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
    [[ -d $folder ]] || continue
    mount -t tmpfs none "$folder"
done
mkdir -p /etc/libvirt/qemu/networks /var/lib/libvirt/{dnsmasq,network}
printf 'user = "root"\ngroup = "root"\nstdio_handler = "file"\n' >/etc/libvirt/qemu.conf
ip link set lo up

cat >"$here/libvirtd.conf" <<EOF
unix_sock_dir = "$here"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:$here/libvirtd.log"
EOF
libvirtd --config "$here/libvirtd.conf" --pid-file "$here/libvirtd.pid" &
export GUESTHOUSE_TEST_LIBVIRTD_PID=$!

ssh-keygen -q -t ed25519 -N '' -f "$here/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$here/user_key"
# dropbear looks for keys in the home of root, which is a folder of ours here.
mkdir -m 700 "$here/home" "$here/home/.ssh"
cp "$here/user_key.pub" "$here/home/.ssh/authorized_keys"
sed "s,^root:.*,root:x:0:0::$here/home:/bin/sh," /etc/passwd >"$here/passwd"
mount --bind "$here/passwd" /etc/passwd
dropbearconvert openssh dropbear "$here/host_key" "$here/dropbear_key" 2>/dev/null
dropbear -F -E -s -r "$here/dropbear_key" -p 127.0.0.1:2200 -P "$here/dropbear.pid" \
    2>"$here/dropbear.log" &
echo "private $(cut -d' ' -f1,2 "$here/host_key.pub")" >"$here/known_hosts"
cat >"$here/ssh_config" <<EOF
Host private
  HostName 127.0.0.1
  HostKeyAlias private
  Port 2200
  User root
  IdentityFile $here/user_key
  IdentitiesOnly yes
  UserKnownHostsFile $here/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
EOF

export GUESTHOUSE_TEST_SOCKET=$here/libvirt-sock
export GUESTHOUSE_TEST_URI="qemu+unix:///system?socket=$GUESTHOUSE_TEST_SOCKET"
export GUESTHOUSE_TEST_SSH_CONFIG=$here/ssh_config
for ((i = 0; i < 100; i++)); do
    virsh --quiet --connect "$GUESTHOUSE_TEST_URI" uri >/dev/null 2>&1 && break
    sleep 0.1
done
if ! virsh --quiet --connect "$GUESTHOUSE_TEST_URI" uri >/dev/null; then
    cat "$here/libvirtd.log" >&2
    exit 4
fi
"$@"
