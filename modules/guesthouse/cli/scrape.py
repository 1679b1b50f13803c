"""Looks at all hosts for Prometheus: bounded, shared by those who ask at once, served over HTTP."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import start_http_server
from prometheus_client.core import Metric

from guesthouse.cli import exposition, textfile
from guesthouse.cli.families import LIVE, families, registry
from guesthouse.cli.output import say
from guesthouse.cli.stack import hosts_only
from guesthouse.cli.status import ask_all
from guesthouse.errors import MachineError, Problem, SetupError
from guesthouse.facts.counters import counters

if TYPE_CHECKING:
    from guesthouse.facts.counters import Counters
    from guesthouse.placement import Plan

NAP_S = 0.2

Answers = dict[str, "Counters | MachineError"]


def look(plan: Plan, timeout_s: float) -> Answers:
    """All hosts' counters; who has not answered within ``timeout_s`` is told as unreachable."""
    # Opened anew: the ssh files lie in a folder for temporary files, which others clean up.
    return ask_all(hosts_only(plan), counters(), timeout_s)


class Shared:
    """A look that is taken once at a time: who asks meanwhile gets the same answers."""

    def __init__(self, take: Callable[[], Answers]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._running: Future[Answers] | None = None

    def __call__(self) -> Answers:
        """The answers of the look that goes on, else of a new one."""
        with self._lock:
            running, mine = self._running, Future[Answers]()
            if running is None:
                self._running = mine
        if running is not None:
            return running.result()
        try:
            mine.set_result(self._take())
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self._lock:
                self._running = None
        return mine.result()


class StackCollector:
    """The library's collector: each scrape is a look. Says on standard error which host does not
    answer, once; ``silent`` has those of the last look."""

    def __init__(self, plan: Plan, timeout_s: float, textfiles: Path | None = None) -> None:
        self._plan, self._textfiles = plan, textfiles
        self._shared = Shared(lambda: look(plan, timeout_s))
        self.silent: dict[str, MachineError] = {}

    def describe(self) -> Iterable[Metric]:
        """The names, so that a scraper can ask for some of them; nobody is asked."""
        return families((name, ("",) * len(labels), 0) for name, (_, labels) in LIVE.items())

    def collect(self) -> Iterable[Metric]:
        """All metrics of all hosts, and those of the files."""
        answers = self._shared()
        before = self.silent
        self.silent = {n: e for n, e in answers.items() if isinstance(e, MachineError)}
        for name in self.silent.keys() - before.keys():
            say(str(self.silent[name]).splitlines()[0])
        for name in before.keys() - self.silent.keys():
            say(f"host {name}: answers again")
        yield from families(exposition.rows(self._plan, answers))
        if self._textfiles:
            yield from textfile.read(self._textfiles)


def serve(collector: StackCollector, address: str, port: int) -> None:
    """Serve http://ADDRESS:PORT/metrics until Ctrl-C or SIGTERM."""
    try:
        server, thread = start_http_server(port, address, registry(collector))
    except (OSError, UnicodeError) as error:
        # A name that cannot be one, too long or with an empty part, is a UnicodeError.
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        problem = Problem(f"--listen {address}:{port}", f"cannot listen: {reason}")
        raise SetupError(problem) from None
    host = f"[{address}]" if ":" in address else address
    # Service managers send SIGTERM; a script's background process was born deaf to Ctrl-C.
    ended: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: ended.append(number))
    say(f"serving http://{host}:{server.server_port}/metrics until Ctrl-C")
    # In naps: Python handles a signal that comes just before a wait when that wait has ended.
    while thread.is_alive() and not ended:
        thread.join(NAP_S)
    server.shutdown()
    server.server_close()
