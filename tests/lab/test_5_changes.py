"""One edit changes a running guest in many ways at once; a restart is asked for, and taken back
when the guest does not start with what was changed."""

from __future__ import annotations

import pytest
from lab_project import Edit, LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

SIZE = "    vcpus: 1\n    vcpus_max: 4\n    memory_mib: 512\n"
DATA = "data: {pool: guests, size_gib: 1}"
NAT = "nat0: {network: nat}"
WORDS = "description: A Debian guest with cloud-init and agent"
LARGER = SIZE.replace("512", "768")
SAID = (
    "memory 512 -> 768 MiB (live)",
    "disk data 1 -> 2 GiB (live)",
    "NIC nat1 added (live)",
    "NIC nat0 removed (live)",
    "disk data operations limit none -> 500 /s (live)",
)
# Waits for an address by DHCP.
GOT = (
    "for i in $(seq 60); do "
    "ip -4 -o address show {nic} | grep -q 10.77.0. && exit 0; sleep 1; done; exit 1"
)
DB = "    panic_device: true\n"


@pytest.fixture
def larger(deployed: LabProject) -> None:
    """A disk does not shrink again: the site file says from now on that it is larger."""
    text = deployed.site.read_text()
    deployed.site.write_text(text.replace(DATA, DATA.replace("1}", "2}")))


def inside(lab: LabProject, command: str) -> str:
    return lab.root_in("web", command).strip()


def test_one_edit_changes_a_running_guest_and_back(
    deployed: LabProject, larger: None, edit: Edit
) -> None:
    boot = deployed.boot_id("web")
    inside(
        deployed,
        "mkfs.ext4 -qF /dev/disk/by-id/virtio-data; mount /dev/vdb /mnt; echo kept >/mnt/kept",
    )
    disk = DATA.replace("1}", "2, max_iops: 500}")
    edit(SIZE, LARGER, DATA.replace("1}", "2}"), disk, NAT, NAT.replace("nat0", "nat1"))
    line = next(line for line in deployed.said().splitlines() if " web: memory" in f" {line}")
    assert [said for said in SAID if said not in line] == []
    told = deployed.guesthouse("up", "lab", "--yes")
    assert "at the next boot" not in told, told
    assert deployed.boot_id("web") == boot
    assert (
        int(inside(deployed, "sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) > 600_000
    )
    assert inside(deployed, "cat /sys/block/vdb/size") == str(2 * 2**21)
    # The file system has grown with its disk, and holds what it held.
    assert int(inside(deployed, "df -k --output=size /mnt | tail -n 1")) > 1_900_000
    assert inside(deployed, "cat /mnt/kept; umount /mnt") == "kept"
    inside(deployed, GOT.format(nic="nat1"))
    assert "total_iops_sec : 500" in deployed.host("virsh blkdeviotune web vdb")
    deployed.is_steady()
    edit()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.boot_id("web") == boot
    inside(deployed, GOT.format(nic="nat0"))
    deployed.is_steady()


def test_a_restart_is_asked_for_and_taken_back_when_it_fails(
    deployed: LabProject, edit: Edit
) -> None:
    boot = deployed.boot_id("db")
    edit(DB, f"{DB}    memory_max_mib: 512\n")
    assert "db: memory_max none -> 512 MiB (restart)" in deployed.refused()
    assert deployed.run("up", "lab", "--yes").returncode != 0
    assert deployed.boot_id("db") == boot
    # More than its CPU can address: QEMU says so only when the guest is down already.
    edit(DB, f"{DB}    memory_max_mib: 8388608\n    allow: [restart]\n")
    failed = deployed.run("up", "lab", "--yes")
    told = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "did not start with its new definition, which was taken back" in told
    assert "it runs as before, with its old definition" in told
    edit()
    deployed.is_steady()
    again = deployed.boot_id("db")
    assert again != boot
    edit(DB, f"{DB}    memory_max_mib: 512\n    allow: [restart]\n")
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.boot_id("db") != again
    assert "<maxMemory slots='16' unit='KiB'>524288<" in deployed.host("virsh dumpxml db")
    # And back, which is a restart too.
    edit(DB, f"{DB}    allow: [restart]\n")
    deployed.guesthouse("up", "lab", "--yes")
    deployed.is_steady()
