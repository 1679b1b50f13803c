"""A network's DHCP range and a bridge's VLAN, changed under running guests (issue 4, shows 5).

The link is measured inside the guest: the kernel counts every loss and gain of carrier. The wire
is measured by pings that go on all the time.
"""

from __future__ import annotations

import re
import shlex

from lab_project import Edit, LabProject, pinged

NAT = "nat: {hosts: [h1], kind: nat, subnet: 10.77.0.0/24, dhcp: true}"
RANGE = NAT.replace("}", ", dhcp_range: {start: 10.77.0.100, end: 10.77.0.120}}")
BRIDGE = "br0: {nic: enp0s4, address: 10.90.0.1/24}"
NICS = ("lan0", "nat0")


def carrier_changes(lab: LabProject) -> dict[str, int]:
    """How often each NIC of `web` lost or gained its link since it booted."""
    names = " ".join(f"/sys/class/net/{nic}/carrier_changes" for nic in NICS)
    return dict(zip(NICS, map(int, lab.guest("web", f"cat {names}").split()), strict=True))


def inside(lab: LabProject, command: str) -> str:
    """Shell text in `web`, as root."""
    return lab.guest("web", f"sudo -n sh -c {shlex.quote(command)}")


def boot_id(lab: LabProject) -> str:
    return lab.guest("web", "cat /proc/sys/kernel/random/boot_id")


def test_a_dhcp_range_changes_and_no_guest_loses_its_link(deployed: LabProject, edit: Edit) -> None:
    before, boot = carrier_changes(deployed), boot_id(deployed)
    inside(deployed, PING.format(name="nat", address="10.77.0.1"))
    edit(NAT, RANGE)
    line = "dhcp range 10.77.0.2-10.77.0.254 -> 10.77.0.100-10.77.0.120 (live)"
    assert f"network nat on h1: {line}" in deployed.said()
    deployed.guesthouse("up", "lab", "--yes")
    assert (carrier_changes(deployed), boot_id(deployed)) == (before, boot)
    assert lost(deployed, "nat") == 0
    # The guest asks again and is given an address of the new range.
    inside(deployed, "ip -4 address flush dev nat0; networkctl reconfigure nat0")
    address = inside(deployed, GOT.format(prefix="10.77.0.")).strip()
    assert 100 <= int(address.rpartition(".")[2]) <= 120
    deployed.is_steady()


def test_a_subnet_is_refused_then_changed_with_the_guests_plugged_in_again(
    deployed: LabProject, edit: Edit
) -> None:
    boot = boot_id(deployed)
    other = NAT.replace("10.77", "10.78")
    edit(NAT, other)
    refused = deployed.run("preview", "lab")
    text = refused.stdout + refused.stderr
    assert refused.returncode != 0
    why = "(link_loss: running guests lose their link for a moment: web)"
    assert f"address 10.77.0.1/24 -> 10.78.0.1/24 {why} is not allowed" in text
    assert "networks.nat.allow: [link_loss]" in text
    permission = ", allow: [link_loss]}"
    try:
        edit(NAT, other.replace("}", permission))
        deployed.guesthouse("up", "lab", "--yes")
        # The cable was pulled and pushed, so the guest has asked DHCP again by itself.
        assert inside(deployed, GOT.format(prefix="10.78.0."))
        assert boot_id(deployed) == boot
        assert inside(deployed, pinged("ping 10.78.0.1"))
        deployed.is_steady()
    finally:
        edit(NAT, NAT.replace("}", permission))
        deployed.guesthouse("up", "lab", "--yes")
    assert inside(deployed, GOT.format(prefix="10.77.0."))
    assert boot_id(deployed) == boot


def test_a_bridges_vlan_changes_and_no_guest_loses_its_link(
    deployed: LabProject, edit: Edit
) -> None:
    before, boot = carrier_changes(deployed), boot_id(deployed)
    mac = deployed.host("cat /sys/class/net/br0/address")
    # The other guest on the bridge: the wire behind the bridge is not between them.
    inside(deployed, PING.format(name="lan", address="10.90.0.12"))
    old = "none"
    # 42 is br1's.
    for vlan in (43, 44):
        edit(BRIDGE, BRIDGE.replace("enp0s4,", f"enp0s4, vlan: {vlan},"))
        line = f"h1: bridge br0 vlan {old} -> {vlan} (live: guests keep their link"
        assert line in deployed.said()
        deployed.guesthouse("up", "lab", "--yes")
        links = deployed.host("ip -d -o link show master br0")
        assert f"vlan protocol 802.1Q id {vlan}" in links
        assert len(re.findall(r": enp0s4", links)) == 1
        deployed.is_steady()
        old = str(vlan)
    assert (carrier_changes(deployed), boot_id(deployed)) == (before, boot)
    assert deployed.host("cat /sys/class/net/br0/address") == mac
    assert lost(deployed, "lan") == 0


# Five times a second, until it is told to stop; its last words are the count.
PING = (
    "nohup ping -i 0.2 -W 5 {address} >/tmp/ping-{name}.log 2>&1 </dev/null & "
    "echo $! >/tmp/ping-{name}.pid; sleep 3"
)
# Waits for an address that begins so, and says it.
GOT = (
    "for i in $(seq 180); do "
    "ip -4 -o address show dev nat0 | grep -o '{prefix}[0-9]*/' | tr -d / | grep . && exit 0; "
    "sleep 1; done; exit 1"
)


def lost(lab: LabProject, name: str) -> int:
    """End the pings of this name and say how many had no answer, of those before the last that
    had one; an answer to the very last may be on its way yet, for five seconds at most."""
    inside(lab, f"kill -INT $(cat /tmp/ping-{name}.pid)")
    log = inside(lab, f"sleep 1; cat /tmp/ping-{name}.log")
    answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", log)}
    sent = re.search(r"(\d+) packets transmitted", log)
    assert sent and len(answered) > 20
    assert int(sent[1]) - max(answered) < 25
    return max(answered) - len(answered)
