"""A bridge's VLAN changes under a running guest. (Not every container host's kernel has VLANs.)"""

from __future__ import annotations

import re

from lab_project import Edit, LabProject
from pings import carrier_changes, lost, ping

from guesthouse.lab.host import EMULATED

KIND = EMULATED

BRIDGE = "br0: {nic: enp0s4, address: 10.90.0.3/24}"
# The host on its own bridge: the wire behind the bridge is not between them.
HOST = "10.90.0.3"


def test_a_bridges_vlan_changes_and_no_guest_loses_its_link(
    deployed: LabProject, edit: Edit
) -> None:
    before, boot = carrier_changes(deployed, "near"), deployed.boot_id("near")
    mac = deployed.host("cat /sys/class/net/br0/address")
    ping(deployed, "near", HOST)
    # 42 is br1's.
    edit(BRIDGE, BRIDGE.replace("enp0s4,", "enp0s4, vlan: 43,"))
    line = "p1: bridge br0 vlan none -> 43 (live: guests keep their link"
    assert line in deployed.said()
    deployed.guesthouse("up", "lab", "--yes")
    links = deployed.host("ip -d -o link show master br0")
    assert "vlan protocol 802.1Q id 43" in links
    assert len(re.findall(r": enp0s4", links)) == 1
    deployed.is_steady()
    assert (carrier_changes(deployed, "near"), deployed.boot_id("near")) == (before, boot)
    assert deployed.host("cat /sys/class/net/br0/address") == mac
    assert lost(deployed, "near", HOST) == 0
