"""A running guest's vCPUs, which it takes from KVM only, and limits by the kernel's control groups:
given and taken away."""

from __future__ import annotations

from lab_project import Edit, LabProject

from guesthouse.lab.host import EMULATED

KIND = EMULATED

HOST = "    host: p1\n    vcpus: 1\n"
MORE = HOST.replace("1\n    vcpus: 1", "1\n    vcpus: 2")
SAID = (
    "vcpus 1 -> 2 (live)",
    "cpu shares none -> 200 (live)",
    "cpu limit none -> 150 % (live)",
)


def test_vcpus_and_their_limits_come_and_go_under_a_running_guest(
    deployed: LabProject, edit: Edit
) -> None:
    boot = deployed.boot_id("near")
    edit(HOST, f"{MORE}    cpu_shares: 200\n    cpu_limit_percent: 150\n")
    line = next(line for line in deployed.said().splitlines() if " near: " in f" {line}")
    assert [said for said in SAID if said not in line] == []
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.guest("near", "nproc").strip() == "2"
    tune = deployed.host("virsh schedinfo near")
    assert "cpu_shares     : 200" in tune and "global_quota   : 150000" in tune
    deployed.is_steady()
    edit()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.guest("near", "nproc").strip() == "1"
    assert "cpu_shares     : 200" not in deployed.host("virsh schedinfo near")
    assert deployed.boot_id("near") == boot
    deployed.is_steady()
