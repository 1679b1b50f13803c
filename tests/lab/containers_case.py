"""A lab of container hosts with a small guest on each, and what it may not leave on the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from guesthouse.lab import cgroup
from guesthouse.lab.state import Folder
from scratch import CHECKOUT

# The machine's own, which no lab touches.
LOCKS = Path("/run/systemd/nspawn/locks")


def site(hosts: list[str]) -> str:
    """The site file of so many hosts, made from the stack lab's own image and pool."""
    whole = yaml.safe_load((CHECKOUT / "stacks/lab.site.yaml").read_text())
    user = {"sudo": True, "ssh_keys": [{"file": "../.guesthouse/lab/id_ed25519.pub"}]}
    guests = {
        f"g{number}": {
            "host": host,
            "memory_mib": 256,
            "disks": {"root": {"pool": "guests", "image": "small", "size_gib": 1}},
            "nics": {"lan0": {"network": "lan", "address": f"10.90.0.{100 + number}/24"}},
            "cloud_init": {"users": {"admin": user}},
        }
        for number, host in enumerate(hosts, 1)
    }
    made = {
        "site": "lab-c8",
        "hosts": {
            host: {
                "address": "127.0.0.1",
                "user": "root",
                "memory_mib": 1024,
                "acceleration": "tcg",
                "services": {"libvirtd.service": {}},
                "bridges": {
                    "br0": {"nic": "enp0s4", "address": f"10.90.0.{number}/24"},
                    "br1": {"nic": "enp0s5", "address": f"10.92.0.{number}/24"},
                },
            }
            for number, host in enumerate(hosts, 1)
        },
        "lab": {host: {"segments": ["storage"]} for host in hosts},
        "pools": {"guests": {**whole["pools"]["guests"], "hosts": hosts}},
        "images": whole["images"],
        "networks": {"lan": {"kind": "bridge", "bridge": "br0"}},
        "guests": guests,
    }
    return yaml.safe_dump(made, sort_keys=False)


def left(root: Path) -> list[str]:
    """What the lab of the project in ``root`` has on this machine: control groups with all that
    runs in them, mounts, processes that name the project; and locks and links of anybody."""
    groups = [
        str(path) for path in cgroup.of_lab(Folder(root.resolve()).lab).folders if path.exists()
    ]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    argv = ["ps", "-eo", "pid=,stat=,args="]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    running = [line for line in found if not line.split()[1].startswith("Z")]
    locks = [str(path) for path in LOCKS.glob("*")]
    links = [str(path) for path in sorted(Path("/sys/class/net").iterdir())]
    return [*groups, *locks, *links, *(line for line in (*mounts, *running) if str(root) in line)]
