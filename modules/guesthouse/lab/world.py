"""The world of a lab's container hosts: user, mount, network and process namespaces of its own.

Everything of the containers is inside: bridges, wires, mounts, processes. The world ends with its
first process, and with it all of that, whatever happened to the command that began it. Nothing of
the machine's network or mounts is touched. Follows namespaces(7), user_namespaces(7), unshare(1).
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import process, superuser
from guesthouse.lab.cgroup import Group
from guesthouse.lab.process import PROC, Process
from guesthouse.lab.tools import as_root, run

# Owners in a host's root file system: 0 to 65535 (nobody is 65534). In the world they are the
# machine's own, one to one, without the power that root has outside.
IDS = 65536
START_TIMEOUT_S = 10
# Ends unless it gets a word: no world outlives a command that is killed. Then it collects orphans.
FIRST = """
read -r go
trap '' TERM INT HUP
while :; do sleep 2147483 & wait $! || :; done
"""
# systemd-nspawn keeps its locks in /run; the machine's own is not for it. A socket where ``trunk``
# joins an emulated host slows that one down when it has room for 10 datagrams only (measured).
FURNISH = """
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
{ echo 1024 > /proc/sys/net/unix/max_dgram_qlen; } 2>/dev/null || true
"""
# A user of nobody's for each world owns its namespaces: the kernel counts inotify(7) instances and
# the like by owner, and a world takes most of what one user may have.
FIRST_OWNER, OWNERS = 0x60000000, 0x10000000


@dataclass(frozen=True)
class World:
    """A running world. ``pid`` is its first process, as this machine counts."""

    pid: int

    def inside(self, *argv: str | Path, net: Path | None = None) -> list[str]:
        """The command of root's that runs ``argv`` in the world, as its root; in the network
        namespace of the file ``net``, if one is named."""
        enter = ["nsenter", "--target", str(self.pid), "--user", "--mount", "--net", "--pid"]
        other = ["nsenter", f"--net={net}", "--"] if net else []
        words = [str(word) for word in argv]
        return [*enter, "--preserve-credentials", "--wdns=/", "--", *other, *words]

    def run(self, *argv: str | Path, net: Path | None = None, stdin: str = "") -> str:
        """Runs ``argv`` there to its end; what it printed. LabError when it fails."""
        return run(*as_root(*self.inside(*argv, net=net)), stdin=stdin)


def read(folder: Path) -> World | None:
    """The world in ``folder``, if it runs."""
    holder = process.read(folder / "world.pid")
    first = _first(holder.pid) if holder else None
    return World(first) if first else None


def start(folder: Path, group: Group) -> World:
    """Starts a world whose processes begin in ``group``; LabError where the machine has none."""
    owner = FIRST_OWNER + zlib.crc32(bytes(folder)) % OWNERS
    argv = ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups", "--"]
    argv += ["unshare", "--user", "--mount", "--net", "--pid", "--fork", "--kill-child=SIGKILL"]
    argv += ["--", "sh", "-euc", FIRST]
    log = folder / "world.log"
    stdin, go = os.pipe()
    try:
        try:
            holder = superuser.start(
                group.entering(*argv), folder, log, folder / "world.pid", stdin
            )
        finally:
            os.close(stdin)
        first = _wait_for(lambda: _first(holder.pid), holder, log)
        script = 'for map in uid_map gid_map; do echo "0 0 $2" > "/proc/$1/$map"; done'
        run(*as_root("sh", "-euc", script, "sh", str(first), str(IDS)))
        os.write(go, b"go\n")
    finally:
        os.close(go)
    made = World(first)
    made.run("sh", "-euc", FURNISH)
    return made


def _first(pid: int) -> int | None:
    """The world's first process: the child of ``unshare``, which ``pid`` becomes."""
    try:
        name = (PROC / f"{pid}/comm").read_text().strip()
        children = (PROC / f"{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if name == "unshare" and children else None


def _wait_for(look: Callable[[], int | None], started: Process, log: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (found := look()) is None:
        process.reap(started)
        if not started.alive() or time.monotonic() > deadline:
            got = log.read_text(errors="replace").strip()[-1000:]
            raise LabError(Problem("the lab's namespaces", "could not be made", got=got))
        time.sleep(0.01)
    return found
