"""A `guesthouse up` that is interrupted at some moment, and what it leaves."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from project import EngineProject
from rivals import COMMAND

SIGNALS = {
    "SIGINT": (signal.SIGINT,),
    "SIGTERM": (signal.SIGTERM,),
    "both": (signal.SIGINT, signal.SIGTERM),
}
UP = ("up", "test", "--yes", "--", "--skip-preview")
LIMIT_S = 20.0
# Before that the interpreter itself starts, which has no words but its own.
EARLIEST_S = 0.2
# What no user is to see of us, of the SDK or of the engine.
INTERNAL = re.compile(r"Traceback|\.py\b|cannot schedule|panic:|goroutine \d|RuntimeError")


@dataclass(frozen=True)
class Interrupt:
    """Which signals, how long after the start (seconds)."""

    signals: str
    after_s: float


@dataclass(frozen=True)
class Outcome:
    """What became of an interrupted `up`, and of the next one."""

    interrupt: Interrupt
    code: int
    took_s: float
    said: str
    locks: tuple[str, ...]
    processes: tuple[int, ...]
    next_code: int
    guests: int

    def faults(self, count: int) -> list[str]:
        """What is wrong with it; ``count`` guests are declared."""
        found = INTERNAL.search(self.said)
        rows = {
            f"took {self.took_s:.0f} s": self.took_s >= LIMIT_S,
            f"said {self.said[found.start() :][:2000] if found else ''}": found is not None,
            f"left locks {self.locks}": bool(self.locks),
            f"left processes {self.processes}": bool(self.processes),
            f"the next up ended with {self.next_code}": self.next_code != 0,
            f"{self.guests} of {count} guests after it": self.guests != count,
        }
        return [words for words, wrong in rows.items() if wrong]


def drawn(seed: int, count: int, longest_s: float) -> Iterator[Interrupt]:
    """Interrupts at moments by chance, each kind of signal in turn."""
    by = random.Random(seed)  # noqa: S311
    for index in range(count):
        yield Interrupt([*SIGNALS][index % len(SIGNALS)], by.uniform(EARLIEST_S, longest_s))


class Interrupted:
    """A project whose state begins anew with each round."""

    def __init__(self, project: EngineProject) -> None:
        self.project = project
        self.state = project.root / ".guesthouse/state"
        self._fresh = project.root / "fresh"
        # A job in the background of a shell, and all that it starts, was born deaf to it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        shutil.copytree(self.state, self._fresh)

    def up(self) -> float:
        """A whole `up` from nothing, in seconds."""
        self._begin_anew()
        begun = time.monotonic()
        with self._start() as run:
            said, _ = run.communicate(timeout=600)
        assert run.returncode == 0, said
        return time.monotonic() - begun

    def round(self, interrupt: Interrupt) -> Outcome:
        """An interrupted `up`, then a whole one."""
        self._begin_anew()
        with self._start() as run:
            time.sleep(interrupt.after_s)
            begun = time.monotonic()
            for number in SIGNALS[interrupt.signals]:
                if run.poll() is None:
                    os.killpg(run.pid, number)
            said = self._said(run, begun)
        took_s = time.monotonic() - begun
        locks = tuple(path.name for path in self.state.glob(".pulumi/locks/**/*.json"))
        processes = self._processes()
        with self._start() as after:
            after.communicate(timeout=600)
        return Outcome(
            *(interrupt, run.returncode, took_s, said, locks, processes),
            *(after.returncode, self._guests()),
        )

    def _said(self, run: subprocess.Popen[str], begun: float) -> str:
        try:
            return run.communicate(timeout=3 * LIMIT_S)[0]
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            for pid in self._processes():
                os.kill(pid, signal.SIGKILL)
            return run.communicate()[0]

    def _begin_anew(self) -> None:
        shutil.rmtree(self.state)
        shutil.copytree(self._fresh, self.state)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *UP],
            cwd=self.project.root,
            env={**self.project.env, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _processes(self) -> tuple[int, ...]:
        """Those of this project that are there five seconds later."""
        mark = f"PULUMI_HOME={self.project.root}/".encode()
        end = time.monotonic() + 5
        while (found := _with_environment(mark)) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def _guests(self) -> int:
        (file,) = self.state.glob(".pulumi/stacks/**/test.json")
        deployment = json.loads(file.read_text())["checkpoint"]["latest"]
        kinds = [item["type"] for item in deployment.get("resources", ())]
        return sum(kind == "guesthouse:index:Guest" for kind in kinds)


def _with_environment(mark: bytes) -> tuple[int, ...]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return tuple(found)
