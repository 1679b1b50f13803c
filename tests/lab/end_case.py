"""What is left when a stack was destroyed, and when its lab was taken down."""

from __future__ import annotations

import json
from pathlib import Path

from lab_project import LabProject

COMMAND = (
    "virsh list --all --name; virsh net-list --all --name; virsh pool-list --all --name;"
    "ls -d /var/lib/guesthouse/* /etc/systemd/network/*guesthouse* /etc/motd.d/* 2>/dev/null;"
    "ls /var/log/libvirt/qemu/*-serial.log* 2>/dev/null; ip -br link show type bridge;"
    "ls /srv/guests | grep -vE '^(debian13|small)(-emulated)?-[0-9a-f]*\\.qcow2$'; true"
)


def destroy_leaves_nothing_but_images(lab: LabProject, hosts: tuple[str, ...]) -> None:
    """Destroy the stack; its hosts have nothing of ours but images."""
    lab.guesthouse("destroy", "lab", "--yes")
    left = {name: lab.host(COMMAND, name=name).split() for name in hosts}
    assert left == {name: [] for name in hosts}


def down_leaves_nothing(lab: LabProject, program: str) -> None:
    """Take the lab down; its hosts, which are processes of this program, and its files are gone."""
    hosts = json.loads(lab.guesthouse("lab", "status", "--json"))["hosts"]
    pids = [host["pid"] for host in hosts.values()]
    assert [_program(pid) for pid in pids] == [program] * len(pids)
    lab.guesthouse("lab", "down")
    assert program not in [_program(pid) for pid in pids]
    home = lab.root / ".guesthouse"
    left = [path for path in ("lab", "local") if any((home / path).glob("**/*"))]
    assert left == []
    assert not (lab.root / "stacks/Pulumi.lab.yaml").exists()
    assert [path for path in (home / "state").rglob("*lab*") if path.is_file()] == []


def _program(pid: int) -> str:
    """What runs there. A process that has ended runs nothing, even before its parent has asked."""
    try:
        comm, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(" (")[2].rpartition(") ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if rest.startswith("Z") else comm
