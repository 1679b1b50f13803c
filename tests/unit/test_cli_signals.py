"""A signal that comes in the moment before a wait ends the wait all the same."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from guesthouse.cli import scrape
from guesthouse.cli.engine import Engine
from guesthouse.cli.families import Collected
from guesthouse.cli.project import Project
from guesthouse.cli.scrape import StackCollector, serve
from guesthouse.facts.parallel import in_parallel
from scratch import scratch_project

PROGRAM = """\
#!/bin/sh
sleep 60 & pid=$!
trap 'kill $pid; exit 3' INT TERM
touch here
wait
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A job in the background of a shell, and all that it starts, was born deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


@contextmanager
def unnoticed(number: int, waits: Callable[[], bool]) -> Iterator[None]:
    """The signal comes once the main thread ``waits``, and does not wake it: just as one that came
    before the wait. It must be noticed within five seconds; a real one ends the wait then."""
    noticed = threading.Event()
    missed: list[int] = []

    def send() -> None:
        while not waits():
            time.sleep(0.05)
        time.sleep(0.5)
        _thread.interrupt_main(number)
        if not noticed.wait(5):
            missed.append(number)
            os.kill(os.getpid(), number)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        noticed.set()
        sender.join()
    assert missed == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(scrape, "say", told.append)
    with unnoticed(number, lambda: bool(told)):
        serve(cast(StackCollector, Collected(())), "127.0.0.1", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_engine_gets_it(number: int, tmp_path: Path) -> None:
    folder = scratch_project(tmp_path / "project")
    program = tmp_path / "pulumi"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    engine = Engine(Project(folder))
    engine.program = str(program)
    before = signal.getsignal(number)
    is_ours = lambda: signal.getsignal(number) is not before  # noqa: E731
    with unnoticed(number, lambda: (folder / "here").exists() and is_ours()):
        assert engine.run("up") == 130


def test_many_machines_are_not_awaited() -> None:
    asked, answer = threading.Event(), threading.Event()

    def ask() -> None:
        asked.set()
        answer.wait(30)

    with unnoticed(signal.SIGINT, asked.is_set), pytest.raises(KeyboardInterrupt):
        in_parallel({"h1": ask}, str, 1)
    answer.set()


COUNTS = """\
#!/bin/sh
trap 'echo INT >>told' INT
trap 'echo TERM >>told' TERM
touch here
until [ -e end ]; do sleep 0.1; done
"""
RUN = """\
import sys
from pathlib import Path
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
engine = Engine(Project(Path(sys.argv[1])))
engine.program = sys.argv[2]
sys.exit(engine.run("up"))
"""


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)],
    ids=["SIGINT", "SIGTERM", "both"],
)
def test_a_signal_to_the_group_is_one_for_the_engine(
    numbers: tuple[int, ...], tmp_path: Path
) -> None:
    folder, program = scratch_project(tmp_path / "project"), tmp_path / "pulumi"
    program.write_text(COUNTS)
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", RUN, str(folder), str(program)]
    run = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    told = folder / "told"
    for file in (folder / "here", told):
        until = time.monotonic() + 30
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.05)
        for number in numbers if file.name == "here" else ():
            os.killpg(run.pid, number)
    (folder / "end").touch()
    assert run.wait(30) == 130
    assert len(told.read_text().splitlines()) == 1
