"""Many machines asked at once, with a bound for each group; an interrupt ends it at once."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

Job = Callable[[], T]


def in_parallel(
    jobs: Mapping[str, Job[T]], group: Callable[[str], str], at_once: int
) -> dict[str, T]:
    """Run all jobs, by name, at most ``at_once`` of each group; the first error is raised.

    The threads are daemons: Ctrl-C in the waiting main thread ends the program without waiting
    for machines that do not answer, which an executor of the standard library would do.
    """
    waiting: dict[str, queue.SimpleQueue[str]] = defaultdict(queue.SimpleQueue)
    for name in jobs:
        waiting[group(name)].put(name)
    done: queue.SimpleQueue[tuple[str, T | None, BaseException | None]] = queue.SimpleQueue()

    def work(names: queue.SimpleQueue[str]) -> None:
        while True:
            try:
                name = names.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((name, jobs[name](), None))
            except BaseException as error:
                done.put((name, None, error))

    for names in waiting.values():
        for _ in range(min(at_once, names.qsize())):
            threading.Thread(target=work, args=(names,), daemon=True).start()
    found: dict[str, T] = {}
    while len(found) < len(jobs):
        try:
            # In bits: Python handles a signal that comes just before a wait when that has ended.
            name, answer, error = done.get(timeout=1)
        except queue.Empty:
            continue
        if error is not None:
            raise error
        found[name] = answer  # type: ignore[assignment]
    return {name: found[name] for name in jobs}
