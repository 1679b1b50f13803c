"""Destroy takes virtual functions and VLAN devices away too; lab down ends the emulators."""

from __future__ import annotations

from end_case import destroy_leaves_nothing_but_images, down_leaves_nothing
from lab_project import LabProject

from guesthouse.lab.host import EMULATED

KIND = EMULATED

VFS = "cat /sys/class/net/enp1s0/device/sriov_numvfs"
VLANS = "ip -br link show type vlan"


def test_destroy_leaves_nothing_but_images(deployed: LabProject) -> None:
    assert deployed.host(VFS).strip() == "4" and deployed.host(VLANS)
    destroy_leaves_nothing_but_images(deployed, ("p1", "p2"))
    assert {deployed.host(VFS, name=name).strip() for name in ("p1", "p2")} == {"0"}
    assert deployed.host(VLANS) == ""


def test_lab_down_leaves_nothing(deployed: LabProject) -> None:
    down_leaves_nothing(deployed, "qemu-system-x86")
