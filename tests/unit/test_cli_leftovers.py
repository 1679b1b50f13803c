"""An interrupted engine's plugins: none stays, and no other process is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guesthouse.cli.leftovers import plugins
from guesthouse.errors import CODES_FILE

# In a group of their own, as the engine's; the second is started by the first.
PLUGIN = """\
#!/bin/sh
{trap}
case $0 in *-exec) ;; *) "$0-exec" & ;; esac
while :; do sleep 0.1; done
"""
ENGINE = """\
#!/bin/sh
trap 'exit 1' INT TERM
setsid "$PWD/pulumi-language-python" > /dev/null 2>&1 &
echo "$GUESTHOUSE_CODES_FILE" > mark
while ! [ -e end ]; do sleep 0.05; done
"""
RUN = """\
import sys
from pathlib import Path
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
sys.exit(Engine(Project(Path.cwd())).run("up"))
"""
TRAPS = {"that ends when told": "", "that is deaf": "trap '' TERM"}


def until(what: object) -> None:
    end = time.monotonic() + 15
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\n")
    program = tmp_path / ".guesthouse/engine/pulumi"
    program.parent.mkdir(parents=True)
    program.write_text(ENGINE.replace("GUESTHOUSE_CODES_FILE", CODES_FILE))
    program.chmod(0o755)
    return tmp_path


@contextmanager
def running(folder: Path, trap: str) -> Iterator[tuple[subprocess.Popen[bytes], bytes]]:
    """An `up` whose engine has two plugins, and the mark that they bear."""
    for name in ("pulumi-language-python", "pulumi-language-python-exec"):
        (folder / name).write_text(PLUGIN.format(trap=trap))
        (folder / name).chmod(0o755)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    mark = b"-"
    # A shell cannot trap what was ignored when it began, as INT is for jobs in the background.
    argv = ["env", "--default-signal=INT,TERM", sys.executable, "-c", RUN]
    with subprocess.Popen(
        argv, cwd=folder, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        try:
            until(
                lambda: (folder / "mark").exists() and (folder / "mark").read_text().endswith("\n")
            )
            mark = f"{CODES_FILE}={(folder / 'mark').read_text().strip()}".encode()
            until(lambda: len(plugins(mark)) == 2)
            yield run, mark
        finally:
            run.kill()
            for pid in plugins(mark):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", TRAPS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_no_plugin(folder: Path, kind: str, number: int) -> None:
    other = folder / "pulumi-language-other"
    other.write_text("#!/bin/sh\nsleep 60\n")
    other.chmod(0o755)
    env = {**os.environ, CODES_FILE: "/of/another/run"}
    with subprocess.Popen([str(other)], env=env, start_new_session=True) as others:
        try:
            with running(folder, TRAPS[kind]) as (run, mark):
                run.send_signal(number)
                assert run.wait(15) == 130
                assert plugins(mark) == []
            assert others.poll() is None
        finally:
            os.killpg(others.pid, signal.SIGKILL)


def test_the_control_a_whole_up_ends_nothing(folder: Path) -> None:
    with running(folder, "") as (run, mark):
        (folder / "end").touch()
        assert run.wait(15) == 0
        assert len(plugins(mark)) == 2
