"""A network's DHCP range and its subnet, changed under running guests."""

from __future__ import annotations

from lab_project import Edit, LabProject, pinged
from pings import carrier_changes, lost, ping

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

NAT = "nat: {hosts: [h1], kind: nat, subnet: 10.77.0.0/24, dhcp: true}"
RANGE = NAT.replace("}", ", dhcp_range: {start: 10.77.0.100, end: 10.77.0.120}}")
# Waits for an address that begins so, and says it.
GOT = (
    "for i in $(seq 180); do "
    "ip -4 -o address show dev nat0 | grep -o '{prefix}[0-9]*/' | tr -d / | grep . && exit 0; "
    "sleep 1; done; exit 1"
)


def test_a_dhcp_range_changes_and_no_guest_loses_its_link(deployed: LabProject, edit: Edit) -> None:
    before, boot = carrier_changes(deployed, "web"), deployed.boot_id("web")
    ping(deployed, "web", "10.77.0.1")
    edit(NAT, RANGE)
    line = "dhcp range 10.77.0.2-10.77.0.254 -> 10.77.0.100-10.77.0.120 (live)"
    assert f"network nat on h1: {line}" in deployed.said()
    deployed.guesthouse("up", "lab", "--yes")
    assert (carrier_changes(deployed, "web"), deployed.boot_id("web")) == (before, boot)
    assert lost(deployed, "web", "10.77.0.1") == 0
    # The guest asks again and is given an address of the new range.
    deployed.root_in("web", "ip -4 address flush dev nat0; networkctl reconfigure nat0")
    address = deployed.root_in("web", GOT.format(prefix="10.77.0.")).strip()
    assert 100 <= int(address.rpartition(".")[2]) <= 120
    deployed.is_steady()


def test_a_subnet_is_refused_then_changed_with_the_guests_plugged_in_again(
    deployed: LabProject, edit: Edit
) -> None:
    boot = deployed.boot_id("web")
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
        assert deployed.root_in("web", GOT.format(prefix="10.78.0."))
        assert deployed.boot_id("web") == boot
        assert deployed.root_in("web", pinged("ping 10.78.0.1"))
        deployed.is_steady()
    finally:
        edit(NAT, NAT.replace("}", permission))
        deployed.guesthouse("up", "lab", "--yes")
    assert deployed.root_in("web", GOT.format(prefix="10.77.0."))
    assert deployed.boot_id("web") == boot
