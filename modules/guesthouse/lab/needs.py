"""What the lab needs of this machine, looked for before anything is built or started."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import cgroup, images, superuser
from guesthouse.lab.emulated import MEMORY_MIB
from guesthouse.lab.host import CONTAINER, EMULATED, Wanted
from guesthouse.lab.images import Say
from guesthouse.lab.tools import run

TUN = Path("/dev/net/tun")
MEMINFO = Path("/proc/meminfo")
# The root file system that containers share, and what each host writes until it has a guest.
TREE_MIB, DISK_MIB = 600, 200
# What systemd and its services take in a host (inotify(7)), measured, and some to spare.
INOTIFY, INOTIFY_PER_HOST = Path("/proc/sys/fs/inotify/max_user_instances"), 15


def possible(wanted: Sequence[Wanted], say: Say, there: bool = False) -> tuple[Wanted, ...]:
    """The hosts as this machine can have them: all emulated where it can have no containers.
    LabError where that is no way out: also where they are ``there`` already, with their disks."""
    why = _impossible() if any(host.kind == CONTAINER for host in wanted) else ""
    if not why:
        return tuple(wanted)
    words = f"has no container hosts here: {why}"
    if there:
        hint = "mend that, and run it again: the lab's containers are as they were"
        raise LabError(Problem("lab", words, hint=hint))
    if any(host.segments for host in wanted):
        hint = "mend that: emulated hosts, which would take their place, have no further segments"
        raise LabError(Problem("lab", words, hint=hint))
    say(f"lab: {words}")
    say(f"lab: all {len(wanted)} hosts are emulated instead: {MEMORY_MIB} MiB of memory for each,")
    say("lab: without KVM a minute or more to boot, and guests that are several times slower")
    return tuple(replace(host, kind=EMULATED, stands_in=host.kind == CONTAINER) for host in wanted)


def require(folder: Path, containers: int, emulated: int) -> None:
    """Raises LabError where this machine can have not so many hosts, their disks in ``folder``."""
    needed, free = emulated * MEMORY_MIB, _free_mib()
    if needed > free:
        what, hint = "needs more memory than is free", "end other programs, or take hosts out"
        got = f"{needed} MiB for {emulated} emulated hosts"
        raise LabError(Problem("lab", what, got, f"{free} MiB at most", hint=hint))
    needed = (TREE_MIB if containers else 0) + DISK_MIB * (containers + emulated)
    free = shutil.disk_usage(folder).free // 2**20
    if needed > free:
        what, hint = f"needs more space than is free in {folder}", "remove what is no longer needed"
        raise LabError(Problem("lab", what, f"{needed} MiB", f"{free} MiB at most", hint=hint))
    most = int(INOTIFY.read_text()) // INOTIFY_PER_HOST
    if containers > most:
        key, wanted = "fs.inotify.max_user_instances", containers * INOTIFY_PER_HOST
        hint = f"allow more: sudo sysctl {key}={wanted}"
        what = f"needs more than {key} allows"
        raise LabError(
            Problem("lab", what, f"{containers} container hosts", f"{most} at most", hint=hint)
        )


def require_images(names: Sequence[str]) -> None:
    """Raises LabError where one of these images is not built yet, and this user cannot build it: a
    root file system's files have owners of their own (subuid(5))."""
    if os.geteuid() == 0 or all(images.cached(name) for name in names):
        return
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    try:
        run("getsubids", user)
        run("getsubids", "-g", user)
    except LabError as error:
        what = "has no range of subordinate ids, which the lab's images are built with"
        ids = "--add-subuids 100000-165535 --add-subgids 100000-165535"
        hint = f"sudo usermod {ids} {shlex.quote(user)}"
        raise LabError(Problem(f"user {user}", what, got=str(error), hint=hint)) from None


def _free_mib() -> int:
    """Memory that programs can have without swapping (proc_meminfo(5))."""
    found = re.search(r"(?m)^MemAvailable: +(\d+) kB$", MEMINFO.read_text())
    return int(found[1]) // 1024 if found else 0


def _impossible() -> str:
    """Why not; empty when it can."""
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not installed (`make setup` does it)"
    if not TUN.exists():
        return f"{TUN} is missing"
    if not cgroup.roots(cgroup.MOUNTS.read_text()):
        return "no control groups are mounted"
    return superuser.refuses()
