"""Processes that outlive the command that started them, and are still ours beyond doubt.

A pid alone is no proof: pids are reused. A process is known by pid, start time and boot
(proc_pid_stat(5), field 22; /proc/sys/kernel/random/boot_id).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guesthouse.lab.tools import as_root, run

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"


@dataclass(frozen=True)
class Process:
    """One process of this machine. ``start_ticks`` is its start, in clock ticks since boot."""

    pid: int
    start_ticks: int
    boot_id: str

    def alive(self) -> bool:
        """Whether exactly this process still runs. A zombie does not, once its threads ended."""
        return boot_id() == self.boot_id and start_ticks(self.pid) == self.start_ticks

    def text(self) -> str:
        return f"{self.pid} {self.start_ticks} {self.boot_id}\n"


def boot_id() -> str:
    return BOOT_ID.read_text().strip()


def parse_start_ticks(stat: str) -> int | None:
    """The start time in a /proc/PID/stat line; None for a dead process, and for a zombie.

    A zombie with threads (field 20) still has its files and memory: those end after it.
    The command's name stands in brackets and may itself hold brackets and blanks.
    """
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1):
        return None
    return int(fields[19])


def start_ticks(pid: int) -> int | None:
    try:
        return parse_start_ticks((PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def parse(text: str) -> Process | None:
    """Reads what ``Process.text`` wrote; None for anything else."""
    words = text.split()
    if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return Process(pid=int(words[0]), start_ticks=int(words[1]), boot_id=words[2])


def read(pidfile: Path) -> Process | None:
    """The live process that the pid file names; None when it is gone or was never written."""
    if not pidfile.exists():
        return None
    process = parse(pidfile.read_text())
    return process if process and process.alive() else None


def start(argv: Sequence[str], folder: Path, log: Path, pidfile: Path) -> Process:
    """Starts ``argv`` in ``folder``, detached from this command's terminal and life."""
    with log.open("wb") as file:
        # Not a `with`: the process is meant to outlive this object.
        child = subprocess.Popen(
            list(argv), cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    process = of(child.pid)
    pidfile.write_text(process.text())
    return process


def of(pid: int) -> Process:
    """A process that this command has just started."""
    return Process(pid=pid, start_ticks=start_ticks(pid) or 0, boot_id=boot_id())


def wait_gone(process: Process, timeout_s: float) -> bool:
    """Waits until the process has ended; reaps it when it is our child."""
    deadline = time.monotonic() + timeout_s
    while process.alive():
        if time.monotonic() > deadline:
            return False
        reap(process)
        time.sleep(0.05)
    reap(process)
    return True


def reap(process: Process) -> None:
    """Collects the exit status when this very command started the process."""
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return


def end(process: Process, grace_s: float = 5) -> None:
    """SIGTERM, then SIGKILL; only ever to the process that we started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not process.alive():
            return
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            run(*as_root("kill", f"-{number:d}", str(process.pid)))
        if wait_gone(process, grace_s):
            return
