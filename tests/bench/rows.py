"""A row of the table, and the measuring of two things in turn."""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``ours`` and ``peer`` are in ``unit``, medians of one run.

    ``ratio`` is ours to peer, or peer to ours where more is better; ``goal`` bounds it from above,
    or from below where more is better. ``missing`` says why nothing was measured.
    """

    name: str
    against: str
    goal: float
    more_is_better: bool = False
    ours: float = 0.0
    peer: float = 0.0
    unit: str = "s"
    missing: str = ""

    @property
    def ratio(self) -> float:
        over, under = (self.peer, self.ours) if self.more_is_better else (self.ours, self.peer)
        return over / under if under else float("inf")

    @property
    def met(self) -> bool | None:
        """Is the goal met? None when nothing was measured, or what was is lost in the noise."""
        if self.missing or self.ours <= 0 or self.peer <= 0:
            return None
        return self.ratio >= self.goal if self.more_is_better else self.ratio <= self.goal


@dataclass(frozen=True)
class Figure:
    """A number without a peer, as ``text``."""

    name: str
    text: str


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process for ``work``: other people's load hardly shows in them."""
    gc.collect()
    start = time.process_time()
    result = work()
    spent = time.process_time() - start
    del result
    return spent


def children_cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of the processes that ``work`` starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def wall_s(work: Callable[[], object]) -> float:
    """Seconds on the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure; each round takes all of them, so that load hits all alike."""
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]
