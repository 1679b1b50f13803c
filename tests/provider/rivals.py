"""Two `guesthouse up` that start in one moment on one stack."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from project import EngineProject

from scratch import CHECKOUT

COMMAND = [sys.executable, "-c", "from guesthouse.cli.app import main; main()"]
# The checkout's program, which first waits as long as there is a file `hold`.
PROGRAM = f"""\
import time
from pathlib import Path

while Path("hold").exists():
    Path("holding").touch()
    time.sleep(0.05)
{(CHECKOUT / "__main__.py").read_text()}"""
LOCKED = re.compile(
    r"error: stack test: locked by (?P<who>\S+@\S+) \(pid (?P<pid>\d+)\) "
    r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ (?:s|min) ago\n"
    r"  hint: wait for that run to end; only if it is dead: "
    r"\. \./env\.sh && pulumi cancel -s test\n"
)


def copy_of(project: EngineProject, folder: Path) -> EngineProject:
    """Another checkout of the same project, as on another runner."""
    shutil.copytree(project.root, folder, symlinks=True)
    other = copy.copy(project)
    other.root = folder
    return other


def guesthouse(project: EngineProject, *argv: str) -> subprocess.Popen[str]:
    """The command as a user types it; standard output and error in one pipe each."""
    return subprocess.Popen(
        [*COMMAND, *argv],
        cwd=project.root,
        env={**project.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Ended:
    """How one of the two ended."""

    code: int
    said: str
    seconds: float


@dataclass(frozen=True)
class Race:
    """How both ended, by time; ``parent`` is of the process that the first was told of."""

    loser: Ended
    winner: Ended
    winner_pid: int
    parent: int | None

    @property
    def well(self) -> bool:
        """One won, the other was told so, once, and by whom."""
        told = LOCKED.findall(self.loser.said)
        return (
            (self.loser.code, self.winner.code, len(told)) == (8, 0, 1)
            and self.parent == self.winner_pid
            and "currently locked" not in self.loser.said
        )


def race(*folders: EngineProject) -> Race:
    """Start one in each of two folders; who gets the lock keeps it until the other has ended."""
    for project in folders:
        (project.root / "hold").touch()
    begun = time.monotonic()
    runs = [
        guesthouse(project, "up", "test", "--yes", "--", "--skip-preview") for project in folders
    ]
    try:
        while all(run.poll() is None for run in runs):
            assert time.monotonic() < begun + 120, "neither ended"
            time.sleep(0.02)
        first, second = sorted(runs, key=lambda run: run.poll() is None)
        loser = _ended(first, begun)
        told = LOCKED.search(loser.said)
        parent = _parent(int(told["pid"])) if told else None
    finally:
        for project in folders:
            (project.root / "hold").unlink(missing_ok=True)
    return Race(loser, _ended(second, begun), second.pid, parent)


def _ended(run: subprocess.Popen[str], begun: float) -> Ended:
    said = "".join(run.communicate(timeout=120))
    return Ended(run.returncode, said, time.monotonic() - begun)


def _parent(pid: int) -> int | None:
    """The process that started one, after proc_pid_stat(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])
