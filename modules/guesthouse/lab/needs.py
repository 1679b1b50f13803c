"""What container hosts need of this machine, looked for before anything is built or started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import cgroup

TUN = Path("/dev/net/tun")
# What systemd and its services take in a host (inotify(7)), measured, and some to spare.
INOTIFY, INOTIFY_PER_HOST = Path("/proc/sys/fs/inotify/max_user_instances"), 15


def require(hosts: int) -> None:
    """Raises LabError where this machine can have no container hosts, or not so many."""
    if why := _impossible():
        hint = "mend that, or declare `kind: emulated` for two hosts and take the others out"
        raise LabError(Problem("lab", f"has no container hosts here: {why}", hint=hint))
    most = int(INOTIFY.read_text()) // INOTIFY_PER_HOST
    if hosts > most:
        key, wanted = "fs.inotify.max_user_instances", hosts * INOTIFY_PER_HOST
        hint = f"allow more: sudo sysctl {key}={wanted}"
        what = f"needs more than {key} allows"
        raise LabError(
            Problem("lab", what, f"{hosts} container hosts", f"{most} at most", hint=hint)
        )


def _impossible() -> str:
    """Why not; empty when it can."""
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not installed (`make setup` does it)"
    if not TUN.exists():
        return f"{TUN} is missing"
    if not cgroup.roots(cgroup.MOUNTS.read_text()):
        return "no control groups are mounted"
    if os.geteuid() != 0:
        return "they need root"
    return ""
