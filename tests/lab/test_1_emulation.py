"""Guests outlive what only emulation does to them (docs/decisions/0013)."""

from __future__ import annotations

import time

from lab_project import LabProject

from guesthouse.lab import qmp
from guesthouse.lab.accelerator import KVM, QEMU
from guesthouse.lab.state import Folder, load

GUESTS = ("web", "db")
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
BUSY = "(timeout 60 sh -c 'while :; do /bin/true; done' >/dev/null 2>&1 </dev/null &)"


def test_busy_guests_outlive_a_host_that_is_halted_time_and_again(deployed: LabProject) -> None:
    """Each halt calls the vCPUs out of their loops, and an interrupt just delivered came again."""
    lab, folder = deployed, Folder(deployed.root)
    record = load(folder)
    assert record is not None
    # Under the system's own QEMU this would end both guests, and tell what is known.
    assert (record.accelerator == KVM) == (record.qemu == QEMU), "the mended QEMU was not built"
    boots = {name: lab.guest(name, BOOT_ID) for name in GUESTS}
    for name in GUESTS:
        lab.guest(name, BUSY)
        lab.guest(name, "pidof timeout")
    socket = folder.lab / "h1.qmp"
    try:
        for _ in range(600):
            qmp.command(socket, "stop", timeout_s=60)
            qmp.command(socket, "cont", timeout_s=60)
            time.sleep(0.05)
    finally:
        qmp.command(socket, "cont", timeout_s=60)
    assert {name: lab.guest(name, BOOT_ID) for name in GUESTS} == boots
