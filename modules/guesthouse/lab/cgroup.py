"""A control group for each container host: who belongs to it, and the one sure way to end it.

Follows cgroups(7) and the kernel's cgroup-v2.rst. On a machine with v1 controllers ("hybrid")
systemd-nspawn wants the group in systemd's own v1 hierarchy too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab.tools import as_root, run

MOUNTS = Path("/proc/self/mountinfo")
KILL_TIMEOUT_S = 10
ENTER = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'
# SIGKILL to all of a group and of those below it, also to what they fork meanwhile.
KILL = """
pids() { find "$@" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un; }
for _ in $(seq 500); do
    found=$(pids "$@")
    [ -n "$found" ] || exit 0
    for pid in $found; do [ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.02
done
echo "still there: $found"
exit 1
"""
REMOVE = 'for folder in "$@"; do find "$folder" -depth -type d -exec rmdir {} \\; ; done'


@dataclass(frozen=True)
class Group:
    """One group, the same path below every hierarchy that systemd uses (``roots``)."""

    roots: tuple[Path, ...]
    path: str

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(root / self.path for root in self.roots)

    def child(self, name: str) -> Group:
        return Group(self.roots, f"{self.path}/{name}")

    def make(self) -> None:
        """Makes the group; LabError where this user may not."""
        run(*as_root("mkdir", "-p", *self.folders))

    def entering(self, *argv: str | Path) -> list[str]:
        """The command of root's that runs ``argv`` in the group."""
        files = [str(folder / "cgroup.procs") for folder in self.folders]
        return ["sh", "-euc", ENTER, "sh", *files, "--", *map(str, argv)]

    def remove(self) -> None:
        """Ends every process of the group and of those below it, and takes the groups away."""
        there = [folder for folder in self.folders if folder.is_dir()]
        if not there:
            return
        run(*as_root("sh", "-euc", KILL, "sh", *there))
        # A process that is ending holds its group for a moment longer.
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while True:
            try:
                run(*as_root("sh", "-euc", REMOVE, "sh", *there))
                return
            except LabError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def roots(text: str) -> tuple[Path, ...]:
    """Where mountinfo says that cgroup2 and systemd's v1 hierarchy are (proc_pid_mountinfo(5))."""
    found: dict[str, Path] = {}
    for line in text.splitlines():
        mount, _, source = line.partition(" - ")
        words, kinds = mount.split(), source.split()
        if len(words) < 5 or len(kinds) < 3 or words[3] != "/":
            continue
        named = kinds[0] == "cgroup" and "name=systemd" in kinds[2].split(",")
        if kinds[0] == "cgroup2" or named:
            found.setdefault(kinds[0], Path(words[4]))
    return tuple(found[kind] for kind in sorted(found))


def of_lab(folder: Path) -> Group:
    """The group of the containers of the lab in this folder: two labs never share one."""
    return group(f"guesthouse-lab-{sha256(bytes(folder)).hexdigest()[:12]}")


def group(name: str) -> Group:
    """The group ``name`` at the top of this machine's hierarchies; it need not be there."""
    found = roots(MOUNTS.read_text())
    if not found:
        raise LabError(Problem("/sys/fs/cgroup", "no control groups of systemd's are mounted"))
    return Group(found, name)
