"""Two guests on one emulated host: they outlive what only emulation does to them, and a bridge's
VLAN changes under them (docs/decisions/0013)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from lab_project import Edit, LabProject
from pings import carrier_changes, lost, ping

from guesthouse.lab import qmp
from guesthouse.lab.accelerator import KVM, QEMU
from guesthouse.lab.host import EMULATED
from guesthouse.lab.state import Folder, load

KIND = EMULATED

GUESTS = ("near", "other")
OTHER = "10.90.0.16"
DECLARED = f"""\
  other:
    host: p1
    memory_mib: 256
    timeout_s: 1200
    disks:
      root: {{pool: guests, image: small-emulated, size_gib: 1}}
    nics:
      lan0: {{network: lan, address: {OTHER}/24}}
    cloud_init:
      users:
        admin: {{sudo: true, ssh_keys: [{{file: ../.guesthouse/lab/id_ed25519.pub}}]}}
"""
BUSY = "(timeout 60 sh -c 'while :; do /bin/true; done' >/dev/null 2>&1 </dev/null &)"
BRIDGE = "br0: {nic: enp0s4, address: 10.90.0.3/24}"


@pytest.fixture(scope="module")
def two(deployed: LabProject) -> Iterator[LabProject]:
    """A guest more on p1; afterwards it is gone again."""
    whole = deployed.site.read_text()
    deployed.site.write_text(whole + DECLARED)
    try:
        deployed.guesthouse("up", "lab", "--yes")
        yield deployed
    finally:
        deployed.site.write_text(whole)
        deployed.guesthouse("up", "lab", "--yes")


def test_busy_guests_outlive_a_host_that_is_halted_time_and_again(two: LabProject) -> None:
    """Each halt calls the vCPUs out of their loops, and an interrupt just delivered came again."""
    lab, folder = two, Folder(two.root)
    record = load(folder)
    assert record is not None
    # Under the system's own QEMU this would end both guests, and tell what is known.
    assert (record.accelerator == KVM) == (record.qemu == QEMU), "the mended QEMU was not built"
    boots = {name: lab.boot_id(name) for name in GUESTS}
    for name in GUESTS:
        lab.guest(name, BUSY)
        lab.guest(name, "pidof timeout")
    socket = folder.lab / "p1.qmp"
    try:
        for _ in range(600):
            qmp.command(socket, "stop", timeout_s=60)
            qmp.command(socket, "cont", timeout_s=60)
            time.sleep(0.05)
    finally:
        qmp.command(socket, "cont", timeout_s=60)
    assert {name: lab.boot_id(name) for name in GUESTS} == boots


def test_a_bridges_vlan_changes_and_no_guest_loses_its_link(two: LabProject, edit: Edit) -> None:
    before, boot = carrier_changes(two, "near"), two.boot_id("near")
    mac = two.host("cat /sys/class/net/br0/address")
    # The other guest on the bridge: the wire behind the bridge is not between them.
    ping(two, "near", OTHER)
    # 42 is br1's.
    edit(BRIDGE, BRIDGE.replace("enp0s4,", "enp0s4, vlan: 43,"))
    line = "p1: bridge br0 vlan none -> 43 (live: guests keep their link"
    assert line in two.said()
    two.guesthouse("up", "lab", "--yes")
    links = two.host("ip -d -o link show master br0")
    assert "vlan protocol 802.1Q id 43" in links
    assert len(re.findall(r": enp0s4", links)) == 1
    two.is_steady()
    assert (carrier_changes(two, "near"), two.boot_id("near")) == (before, boot)
    assert two.host("cat /sys/class/net/br0/address") == mac
    assert lost(two, "near", OTHER) == 0
