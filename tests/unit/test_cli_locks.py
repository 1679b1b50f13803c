"""A lock left by a killed engine goes; a living engine's, or another machine's, stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from guesthouse.cli.engine import Engine
from guesthouse.cli.locks import clear_dead, is_dead_here
from guesthouse.cli.project import Project
from scratch import scratch_project

PROGRAM = """\
import time
open("waiting", "w").close()
time.sleep(60)
"""


def test_only_the_lock_of_a_dead_engine_goes(tmp_path: Path) -> None:
    project = Project(scratch_project(tmp_path / "project", PROGRAM))
    engine = Engine(project)
    engine.ensure_stack("one")
    argv = [engine.program, "up", "-s", "one", "--yes", "--skip-preview", "--non-interactive"]
    process = subprocess.Popen(argv, cwd=project.root, env=engine.env)
    until = time.monotonic() + 60
    while not (project.root / "waiting").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    assert clear_dead(project, "one") == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert clear_dead(project, "one") == [process.pid]
    assert clear_dead(project, "one") == []


def test_foreign_living_and_torn_locks_stay(tmp_path: Path) -> None:
    project = Project(scratch_project(tmp_path / "project", PROGRAM))
    folder = project.state / ".pulumi/locks/organization" / project.name / "one"
    folder.mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    texts = {
        "foreign": json.dumps({"pid": gone.pid, "hostname": "elsewhere.example"}),
        "living": json.dumps({"pid": os.getpid(), "hostname": socket.gethostname()}),
        "torn": '{"pid": 1',
    }
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text)
    assert clear_dead(project, "one") == []
    assert {path.stem for path in folder.iterdir()} == set(texts)


def test_a_process_that_nobody_collected_is_dead() -> None:
    here = socket.gethostname()
    with subprocess.Popen(["sleep", "60"]) as process:
        assert not is_dead_here(here, process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead_here(here, process.pid)
        assert not is_dead_here("elsewhere.example", process.pid)


def test_a_process_that_cannot_be_looked_at_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc shows only one's own processes, root without CAP_SYS_PTRACE included."""

    def hidden(path: Path, errors: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", hidden)
    assert not is_dead_here(socket.gethostname(), os.getpid())


def test_a_process_of_any_name_lives(tmp_path: Path) -> None:
    program = os.fsencode(tmp_path) + b"/\xff"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        assert not is_dead_here(socket.gethostname(), process.pid)
        process.kill()
