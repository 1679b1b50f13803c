"""What one guest sends does not reach another VLAN; the same test sees it when the wall is down.

The sender is `remote` on p2, in VLAN 42 by its virtual function. The neighbour is a virtual
function of p1 in VLAN 44, the observer is p1 itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import frames
import pytest
from lab_project import LabProject

from guesthouse.lab.host import EMULATED

KIND = EMULATED

OBSERVER = ("lab", "ssh", "p1")
OTHER_VLAN = 44


@pytest.fixture
def neighbour(deployed: LabProject) -> Iterator[str]:
    """A virtual function of p1 in another VLAN, up; afterwards it is as declared again."""
    deployed.host(f"ip link set enp1s0 vf 3 vlan {OTHER_VLAN}")
    nic = deployed.host("ls /sys/bus/pci/devices/0000:01:00.0/virtfn3/net").strip()
    deployed.host(f"ip link set {nic} up promisc on; sleep 2")
    yield nic
    deployed.host(f"ip link set {nic} down promisc off; ip link set enp1s0 vf 3 vlan 0")
    deployed.host("ip link set enp1s0 vf 1 vlan 42", name="p2")
    deployed.is_steady()


def wall_down(lab: LabProject) -> None:
    """Put the sender's virtual function into the neighbour's VLAN."""
    lab.host(f"ip link set enp1s0 vf 1 vlan {OTHER_VLAN}", name="p2")


@pytest.mark.parametrize("kind", ["frame", pytest.param("offer", marks=pytest.mark.long)])
def test_nothing_of_a_guest_reaches_another_vlan(
    deployed: LabProject, neighbour: str, kind: str
) -> None:
    """Untagged frames, frames tagged for the neighbour's VLAN, offers of a DHCP server."""
    arrive = partial(frames.arrive, deployed, OBSERVER, neighbour, kind)
    assert arrive(partial(frames.send, deployed, "remote", kind)) == 0
    assert arrive(partial(frames.send, deployed, "remote", kind, vlan=OTHER_VLAN)) == 0
    # The control: the same frames do arrive once nothing keeps them away.
    wall_down(deployed)
    assert arrive(partial(frames.send, deployed, "remote", kind)) > 0


def test_the_emulated_card_lets_forged_macs_pass(deployed: LabProject) -> None:
    """QEMU's 82576 takes the order to check sources and does not carry it out (hw/net/igb_core.c
    never looks at those bits of DTXSWC). Where a card does, this test is what shows it."""
    listen = ("ssh", "-s", "lab", "near")
    forge = partial(frames.send, deployed, "remote", "forged", mac="52:54:00:66:66:66")
    for checked in ("on", "off"):
        deployed.host(f"ip link set enp1s0 vf 1 spoofchk {checked}", name="p2")
        assert frames.arrive(deployed, listen, "data0", "forged", forge) > 0
    deployed.host("ip link set enp1s0 vf 1 spoofchk on", name="p2")
