"""The processes that pass frames (``wire``): their start, and their end.

Each has a name of its own, by which its pid file and its log lie in the lab's folder.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import process, wire
from guesthouse.lab.host import Link
from guesthouse.lab.process import Process

START_TIMEOUT_S = 30
SUFFIX = ".relay"


def taps(*names: str) -> list[str]:
    """Ends that are tap devices."""
    return [word for name in names for word in ("--tap", name)]


def sockets(own: str, peer: str) -> list[str]:
    """An end that is a pair of sockets of the lab's folder."""
    return ["--dgram", own, peer]


def command(ends: Sequence[str], link: Link) -> list[str]:
    """The command, run in the lab's folder (socket paths are limited to 107 bytes)."""
    limits = ["--delay-ms", str(link.delay_ms), "--loss-percent", str(link.loss_percent)]
    return [sys.executable, "-I", "-m", wire.__name__, *ends, *limits]


def start(
    argv: Sequence[str], folder: Path, name: str, begin: Callable[..., Process] = process.start
) -> None:
    """Starts ``argv`` by ``begin``, and waits until it passes frames, else LabError."""
    log = folder / f"{name}{SUFFIX}.log"
    started = begin(argv, folder, log, folder / f"{name}{SUFFIX}")
    deadline = time.monotonic() + START_TIMEOUT_S
    while wire.READY not in (said := log.read_text(errors="replace")):
        process.reap(started)
        if not started.alive() or time.monotonic() > deadline:
            end(folder, name)
            what = "the process that passes its frames did not start"
            raise LabError(Problem(f"wire of {name}", what, got=said.strip()[-1000:]))
        time.sleep(0.02)


def runs(folder: Path, name: str) -> bool:
    """Whether the one of that name runs."""
    return process.read(folder / f"{name}{SUFFIX}") is not None


def end(folder: Path, name: str) -> None:
    """Ends the one of that name, if it runs."""
    end_by(folder / f"{name}{SUFFIX}")


def end_all(folder: Path) -> None:
    """Ends all of the lab's."""
    for pidfile in folder.glob(f"*{SUFFIX}"):
        end_by(pidfile)


def end_by(pidfile: Path) -> None:
    running = process.read(pidfile)
    if running:
        process.end(running)
    pidfile.unlink(missing_ok=True)
