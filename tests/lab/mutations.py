"""Ways to break a declared attribute of the stack ``lab`` by hand, and to mend it again.

Each row: the check that must fail, the machine, the command that breaks, the command that mends.
Commands run as root (by sudo in a guest). What would cut our own way in is not in the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One attribute broken by hand. ``check`` is the id of the one check that must fail."""

    check: str
    machine: str
    broken: str
    mended: str


def _host(path: str, broken: str, mended: str) -> Mutation:
    return Mutation(f"h1: {path}", "h1", broken, mended)


def _pair(path: str, broken: str, mended: str) -> Mutation:
    return Mutation(f"p1: {path}", "p1", broken, mended)


def _guest(name: str, path: str, broken: str, mended: str) -> Mutation:
    return Mutation(f"{name}: guests.{name}{path}", name, broken, mended)


# The next start's description, edited as a person would with `virsh edit`.
EDIT = "virsh -q dumpxml --inactive {name} >/run/gh-before.xml && {sed} </run/gh-before.xml "
EDIT += ">/run/gh-after.xml && ! cmp -s /run/gh-before.xml /run/gh-after.xml && "
EDIT += "virsh -q define /run/gh-after.xml"
UNDO = "virsh -q define /run/gh-before.xml"


def _edited(name: str, path: str, expression: str) -> Mutation:
    broken = EDIT.format(name=name, sed=f'sed "{expression}"')
    return _host(f"guests.{name}{path}", broken, UNDO)


MOTD = "/etc/motd.d/10-guesthouse"
POOL = (
    "virsh -q pool-dumpxml guests | sed 's,{0},' >/run/gh-pool.xml && virsh -q pool-destroy guests"
)
POOL += " && virsh -q pool-define /run/gh-pool.xml && virsh -q pool-start guests"
RANGE = "<range start='10.77.0.2' end='10.77.0.254'/>"
DHCP = f'virsh -q net-update nat {{0}} ip-dhcp-range "{RANGE}" --live --config'
# Until a command ends well.
UNTIL = "for i in $(seq 60); do {0} && exit 0; sleep 1; done; exit 1"
# Until a device is on its bridge again.
WIRED = UNTIL.format("test -e /sys/class/net/{0}/master")
BALLOON = "virsh -q setmem web {0}K --live; "
BALLOON += UNTIL.format("virsh dumpxml web | grep -q 'currentMemory.*>{0}<'")
STATUS = "/var/lib/dpkg/status"
LET_GO = "networkctl --no-legend list enp0s4 | grep -q unmanaged"
TAKEN = "/run/systemd/network/00-taken.network"
IMAGE = "for f in /srv/guests/small-*; do mv $f ${f%.away}; done"

VF = "ip link set dev enp1s0 vf "
PF = "hosts.p1.physical_functions.fast.vf"
CARD = (
    _pair(f"{PF}.2.trust", f"{VF}2 trust on", f"{VF}2 trust off"),
    _pair(f"{PF}.3.spoof_check", f"{VF}3 spoofchk off", f"{VF}3 spoofchk on"),
    _pair(f"{PF}.1.max_tx_mbps", f"{VF}1 max_tx_rate 100", f"{VF}1 max_tx_rate 500"),
    _pair(f"{PF}.0.vlan", f"{VF}0 vlan 77 qos 3", f"{VF}0 vlan 42 qos 3"),
    _pair(f"{PF}.0.qos", f"{VF}0 vlan 42 qos 1", f"{VF}0 vlan 42 qos 3"),
    _pair("guests.near.nics.data0.vlan card", f"{VF}1 vlan 7", f"{VF}1 vlan 42"),
    _pair(
        "networks.vf autostart",
        "virsh -q net-autostart vf --disable",
        "virsh -q net-autostart vf",
    ),
)
VLAN = (
    _pair("hosts.p1.bridges.br1", "ip link set br1 down", "ip link set br1 up"),
    _pair(
        "hosts.p1.bridges.br1.nic",
        "ip link delete enp0s4.42",
        f"networkctl reconfigure enp0s4; {WIRED.format('enp0s4.42')}",
    ),
    _pair(
        "hosts.p1.bridges.br1.vlan",
        "ip link delete enp0s4.42; ip link add link enp0s4 name enp0s4.43 type vlan id 43; "
        "ip link set dev enp0s4.43 master br1 up",
        f"ip link delete enp0s4.43; networkctl reconfigure enp0s4; {WIRED.format('enp0s4.42')}",
    ),
    _pair(
        "hosts.p1.bridges.br1.address",
        "ip address add 10.91.0.99/24 dev br1",
        "ip address del 10.91.0.99/24 dev br1",
    ),
)
LAN0 = "virsh -q domiftune near "
LAN0 += "$(virsh -q domiflist near | awk '$3 == \"br0\" {{print $5}}') {0} --live"
ACCELERATION = _pair(
    "hosts.p1.acceleration of guest near",
    EDIT.format(name="near", sed="sed \"s/<domain type='kvm'/<domain type='qemu'/\""),
    UNDO,
)
LIMITS = (
    _pair(
        "guests.near.cpu_shares",
        "virsh -q schedinfo near --set cpu_shares=200 --live",
        "virsh -q schedinfo near --set cpu_shares=100 --live",
    ),
    _pair(
        "guests.near.cpu_limit_percent",
        "virsh -q schedinfo near --set global_quota=50000 --live",
        "virsh -q schedinfo near --set global_quota=-1 --live",
    ),
    _pair(
        "guests.near.nics.lan0.max_rx_mbps",
        LAN0.format("--inbound 5000"),
        LAN0.format("--inbound 0"),
    ),
    _pair(
        "guests.near.nics.lan0.max_tx_mbps",
        LAN0.format("--outbound 5000"),
        LAN0.format("--outbound 0"),
    ),
)
HOST = (
    # dpkg's own record, so that mending needs no network.
    _host(
        "hosts.h1.packages.ethtool",
        f"cp -p {STATUS} /run/gh-status && sed -i '/^Package: ethtool$/,/^Status:/"
        f"s/install ok installed/deinstall ok config-files/' {STATUS}",
        f"cp -p /run/gh-status {STATUS}",
    ),
    _host(
        "hosts.h1.services.libvirtd.service.enabled",
        "systemctl -q disable libvirtd.service 2>&1",
        "systemctl -q enable libvirtd.service 2>&1",
    ),
    _host(
        "hosts.h1.services.libvirtd.service.running",
        "systemctl stop libvirtd.service 2>&1",
        "systemctl start libvirtd.service",
    ),
    _host(
        f"hosts.h1.files.{MOTD}.content",
        f"cp {MOTD} /run/gh-m; echo more >>{MOTD}",
        f"cat /run/gh-m >{MOTD}",
    ),
    _host(f"hosts.h1.files.{MOTD}.mode", f"chmod 0600 {MOTD}", f"chmod 0644 {MOTD}"),
    _host(f"hosts.h1.files.{MOTD}.owner", f"chown nobody {MOTD}", f"chown root {MOTD}"),
    _host(f"hosts.h1.files.{MOTD}.group", f"chgrp nogroup {MOTD}", f"chgrp root {MOTD}"),
    _host("hosts.h1.bridges.br0", "ip link set br0 down", "ip link set br0 up"),
    # networkd puts a NIC back by itself, unless somebody took it out of its hands.
    _host(
        "hosts.h1.bridges.br0.nic",
        "mkdir -p /run/systemd/network; "
        f"printf '[Match]\\nName=enp0s4\\n[Link]\\nUnmanaged=yes\\n' >{TAKEN}; "
        f"networkctl reload; ({UNTIL.format(LET_GO)}) && ip link set enp0s4 nomaster",
        f"rm -f {TAKEN}; networkctl reload; networkctl reconfigure enp0s4; "
        f"{WIRED.format('enp0s4')}",
    ),
    _host(
        "hosts.h1.bridges.br0.address",
        "ip address add 10.90.0.99/24 dev br0",
        "ip address del 10.90.0.99/24 dev br0",
    ),
    _host("pools.guests running", "virsh -q pool-destroy guests", "virsh -q pool-start guests"),
    _host(
        "pools.guests autostart",
        "virsh -q pool-autostart --disable guests",
        "virsh -q pool-autostart guests",
    ),
    _host("pools.guests.path", POOL.format("/srv/guests,/srv"), POOL.format("/srv<,/srv/guests<")),
    _host(
        "images.small.sha256 in pool guests",
        "for f in /srv/guests/small-*; do mv $f $f.away; done",
        IMAGE,
    ),
    _host(
        "networks.nat.dhcp_range",
        f"{DHCP.format('add-last').replace('.254', '.9')} && {DHCP.format('delete')}",
        f"{DHCP.format('add-last')} && {DHCP.format('delete').replace('.254', '.9')}",
    ),
    _host("networks.nat.dhcp", DHCP.format("delete"), DHCP.format("add-last")),
    _host(
        "networks.nat autostart",
        "virsh -q net-autostart --disable nat",
        "virsh -q net-autostart nat",
    ),
)
DOMAIN = (
    _host("guests.db running", "virsh -q suspend db", "virsh -q resume db"),
    _host("guests.web.autostart", "virsh -q autostart --disable web", "virsh -q autostart web"),
    _host(
        "guests.web.vcpus",
        "virsh -q setvcpus web 2 --config",
        "virsh -q setvcpus web 1 --config",
    ),
    _host(
        "guests.web.memory_mib",
        BALLOON.format(458752),
        BALLOON.format(524288),
    ),
    _edited("web", ".memory_max_mib", "s/1048576</2097152</"),
    _edited("web", ".cpu", "s/mode='maximum'/mode='host-model'/"),
    _host(
        "guests.web.description",
        "virsh -q desc web --live 'another guest'",
        "virsh -q desc web --live 'A Debian guest with cloud-init and agent'",
    ),
    _edited("web", ".on_crash", "s,<on_crash>restart<,<on_crash>destroy<,"),
    _edited("db", ".panic_device", "s,<panic model='isa'/>,,"),
    _host(
        "guests.web.disks.data.max_iops",
        "virsh -q blkdeviotune web vdb --total-iops-sec 900 --live",
        "virsh -q blkdeviotune web vdb --total-iops-sec 0 --live",
    ),
    _host(
        "guests.web.disks.data.max_mib_per_s",
        "virsh -q blkdeviotune web vdb --total-bytes-sec 9000000 --live",
        "virsh -q blkdeviotune web vdb --total-bytes-sec 0 --live",
    ),
    _edited("db", ".disks.root policy", "s/discard='unmap'/discard='ignore'/"),
    _edited("web", ".disks.data", "s/web.data.qcow2/web.other.qcow2/"),
    _edited("web", ".nics.nat0.network", "s/<source network='nat'/<source network='other'/"),
    _edited("db", ".nics.lan0.mac", "0,/<mac address='52:/s//<mac address='56:/"),
    _edited("db", ".nics.lan0.network", "s/<source bridge='br0'/<source bridge='br1'/"),
    _host(
        "guests.db.nics",
        "virsh -q attach-interface db network nat --mac 52:54:00:00:00:99 --config",
        "virsh -q detach-interface db network --mac 52:54:00:00:00:99 --config",
    ),
    _host(
        "guests.db.disks",
        "virsh -q attach-disk db /srv/guests/extra.raw vdy --config",
        "virsh -q detach-disk db vdy --config",
    ),
    _edited("db", ".cloud_init seed", "s/db.seed.iso/other.iso/"),
)
RESULT = "/run/cloud-init/result.json"
KEYS = "/home/admin/.ssh/authorized_keys"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
SUDOERS = "/etc/sudoers.d/90-cloud-init-users"
INSIDE = (
    _guest("web", " hostname", "hostname other", "hostname web"),
    _guest(
        "web",
        " ssh host keys",
        f"cp -p {HOST_KEY} /run/gh-key; sed -i s/AAAAC3/AAAAC4/ {HOST_KEY}",
        f"cp -p /run/gh-key {HOST_KEY}",
    ),
    _guest(
        "web",
        " machine-id",
        "cp -p /etc/machine-id /run/gh-id; : >/etc/machine-id",
        "cat /run/gh-id >/etc/machine-id",
    ),
    _guest(
        "web",
        ".cloud_init finished",
        f'cp {RESULT} /run/gh-result; sed -i \'s/"errors": \\[/&"broken by hand"/\' {RESULT}',
        f"cat /run/gh-result >{RESULT}",
    ),
    _guest(
        "web",
        ".nics.nat0.address",
        "ip -4 address flush dev nat0",
        "networkctl reconfigure nat0; "
        + UNTIL.format("ip -4 -o address show dev nat0 | grep -q 10.77"),
    ),
    _guest(
        "db",
        ".cloud_init.users.admin.shell",
        "usermod --shell /bin/dash admin",
        "usermod --shell /bin/sh admin",
    ),
    _guest(
        "db",
        ".cloud_init.users.admin.ssh_keys",
        f"cp -p {KEYS} /run/gh-keys; echo 'ssh-ed25519 AAAAsomebody else' >>{KEYS}",
        f"cat /run/gh-keys >{KEYS}",
    ),
    _guest("web", ".cloud_init.users.admin.password", "passwd -q -l admin", "passwd -q -u admin"),
    # Without sudo nobody of ours could mend it: it mends itself after a while.
    _guest(
        "db",
        ".cloud_init.users.admin.sudo",
        f"mv {SUDOERS} /root/gh-sudoers; "
        f"(sleep 40; mv /root/gh-sudoers {SUDOERS}) >/dev/null 2>&1 </dev/null &",
        "true",
    ),
    _guest("db", " hostname", "hostname localhost", "hostname db"),
)
CONTAINERS = (*HOST, *DOMAIN, *INSIDE)
# What needs a kernel or a card of its own: virtual functions, VLAN devices, limits by cgroups.
PAIR = (*CARD, *VLAN, *LIMITS, ACCELERATION)
