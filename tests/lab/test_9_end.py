"""Destroy leaves nothing of ours but images; up works again; lab down leaves nothing at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab_project import LabProject


def test_destroy_leaves_nothing_but_images_and_up_works_again(deployed: LabProject) -> None:
    deployed.guesthouse("destroy", "lab", "--yes")
    command = (
        "virsh list --all --name; virsh net-list --all --name; virsh pool-list --all --name;"
        "ls -d /var/lib/guesthouse/* /etc/systemd/network/*guesthouse* /etc/motd.d/* 2>/dev/null;"
        "ls /var/log/libvirt/qemu/*-serial.log* 2>/dev/null; ip -br link show type bridge;"
        "ls /srv/guests | grep -v '^\\(debian13\\|small\\)-[0-9a-f]*\\.qcow2$'; true"
    )
    left = {name: deployed.host(command, name=name).split() for name in ("h1", "h2")}
    assert left == {"h1": [], "h2": []}
    deployed.guesthouse("up", "lab", "--yes")
    # Waits for sshd and cloud-init, as `up` alone does not: the agent answers earlier.
    deployed.guesthouse("verify", "lab")
    assert deployed.guesthouse("ssh", "web", "--", "hostname") == "web\n"


def test_lab_down_leaves_nothing(deployed: LabProject) -> None:
    hosts = json.loads(deployed.guesthouse("lab", "status", "--json"))["hosts"]
    pids = [host["pid"] for host in hosts.values()]
    assert all(_is_qemu(pid) for pid in pids)
    deployed.guesthouse("lab", "down")
    assert not any(_is_qemu(pid) for pid in pids)
    home = deployed.root / ".guesthouse"
    left = [path for path in ("lab", "local") if any((home / path).glob("**/*"))]
    assert left == []
    assert not (deployed.root / "stacks/Pulumi.lab.yaml").exists()
    assert [path for path in (home / "state").rglob("*lab*") if path.is_file()] == []


def _is_qemu(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return b"qemu-system" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False
