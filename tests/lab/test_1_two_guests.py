"""Two guests on one emulated host outlive what only emulation does to them
(docs/decisions/0013)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from lab_project import LabProject

from guesthouse.lab import qmp
from guesthouse.lab.accelerator import KVM, QEMU
from guesthouse.lab.host import EMULATED
from guesthouse.lab.state import Folder, load

KIND = EMULATED

GUESTS = ("near", "other")
DECLARED = """\
  other:
    host: p1
    memory_mib: 256
    timeout_s: 1200
    disks:
      root: {pool: guests, image: small-emulated, size_gib: 1}
    nics:
      lan0: {network: lan, address: 10.90.0.16/24}
    cloud_init:
      users:
        admin: {sudo: true, ssh_keys: [{file: ../.guesthouse/lab/id_ed25519.pub}]}
"""
BUSY = "(timeout 60 sh -c 'while :; do /bin/true; done' >/dev/null 2>&1 </dev/null &)"


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


@pytest.mark.long
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
