"""What went wrong in the program or the provider decides the exit code; the engine adds nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from project import EngineProject

COMMAND = [sys.executable, "-c", "from guesthouse.cli.app import main; main()"]
# Nothing listens there while a test holds it.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouse"


def guesthouse(project: EngineProject, *words: str) -> tuple[int, str]:
    """The exit code, and all that was said."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=project.root,
        env={**project.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def refused(project: EngineProject) -> None:
    project.write(memory_mib=256)


def permitted(project: EngineProject) -> None:
    project.write(memory_mib=128)


def full(project: EngineProject) -> None:
    project.write(memory_mib=8192)


def unreachable(project: EngineProject) -> None:
    """A second host, on a port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    path = project.root / "stacks/test.site.yaml"
    host = f'  t2: {{address: 127.0.0.1, port: {port}, host_keys: ["{KEY}"]}}\n'
    path.write_text(path.read_text().replace("pools:\n", f"{host}pools:\n"))


UP = ("up", "test", "--yes")
PREVIEW = ("preview", "test")
CASES: tuple[tuple[str, Callable[[EngineProject], None], tuple[str, ...], int, str], ...] = (
    ("preview, permitted", permitted, PREVIEW, 0, ""),
    ("preview, refused", refused, PREVIEW, 5, "is not allowed"),
    ("preview with report, refused", refused, (*PREVIEW, "--report", "review"), 5, "not allowed"),
    ("up, permitted", permitted, UP, 0, ""),
    ("up, refused", refused, UP, 5, "is not allowed"),
    ("preview, wrong site", full, PREVIEW, 2, "hosts.t1.memory_mib"),
    ("preview, wrong option", permitted, (*PREVIEW, "--", "--no-such-flag"), 1, "unknown flag"),
    ("up, unreachable", unreachable, UP, 4, "hosts.t2.address: preflight failed"),
    ("destroy", permitted, ("destroy", "test", "--yes"), 0, ""),
)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> EngineProject:
    """A stack that is up; the cases change nothing of it until the last."""
    made = EngineProject(tmp_path_factory.mktemp("codes") / "project")
    made.write()
    made.secret("web_password", "correct-horse-battery")
    made.pulumi("up", "--yes", "--skip-preview")
    return made


def test_every_command_keeps_the_listed_codes(deployed: EngineProject) -> None:
    found = {}
    for name, change, words, _, part in CASES:
        permitted(deployed)
        change(deployed)
        code, said = guesthouse(deployed, *words)
        found[name] = code
        assert part in said, f"{name}\n{said}"
        assert "unhandled error" not in said, f"{name}\n{said}"
        assert "Traceback" not in said, f"{name}\n{said}"
    assert found == {name: code for name, _, _, code, _ in CASES}


def test_no_log_level_that_is_passed_on_shows_a_secret(
    project: EngineProject, tmp_path: Path
) -> None:
    project.env["TMPDIR"] = str(tmp_path / "logs")
    Path(project.env["TMPDIR"]).mkdir()
    for level, logs, expected in (("7", ("--logtostderr",), 0), ("7", (), 0), ("9", (), 2)):
        code, said = guesthouse(project, *PREVIEW, "--", "-v", level, *logs)
        assert code == expected, said
        assert "correct-horse" not in said
    files = [path for path in Path(project.env["TMPDIR"]).rglob("*") if path.is_file()]
    assert [path.name for path in files if b"correct-horse" in path.read_bytes()] == []
