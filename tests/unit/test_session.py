"""What runs on a machine for as long as we hold it; ssh is a shell here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guesthouse.errors import MachineError, UnreachableError
from guesthouse.facts import iperf
from guesthouse.machine.session import Session
from guesthouse.machine.ssh import Endpoint, SshDirectory

# The second says its process's number by the iperf3 of this test.
SCRIPTS = (
    "sleep 1000 & p=$!; trap 'kill $p' EXIT; echo child $p; read -r _; trap - EXIT; kill $p; "
    "echo last",
    iperf.server("10.0.0.2", 50000),
)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SshDirectory:
    programs = {
        "ssh": 'for last; do :; done; exec sh -c "$last"',
        "iperf3": "echo child $$; exec sleep 1000",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return SshDirectory([Endpoint("web", "192.0.2.1")], tmp_path / "files")


def is_there(pid: int) -> bool:
    """Whether a process runs: one that ended and that nobody asked for does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def is_gone(pid: int) -> bool:
    """Whether a process ends within a few seconds."""
    for _ in range(100):
        if not is_there(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_when_we_end_it_and_gives_its_words(ssh: SshDirectory, script: str) -> None:
    with Session(ssh, "web", script) as session:
        pid = int(session.wait_for(r"child \d+", 10).split()[-1])
        assert is_there(pid)
        said = session.end().splitlines()
        assert f"child {pid}" in said
        assert said[-1].startswith(("last", "after"))
    assert is_gone(pid)


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_on_an_interrupt(ssh: SshDirectory, script: str) -> None:
    with pytest.raises(KeyboardInterrupt), Session(ssh, "web", script) as session:
        pid = int(session.wait_for("child", 10).split()[-1])
        raise KeyboardInterrupt
    assert is_gone(pid)


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_when_we_are_killed(ssh: SshDirectory, script: str) -> None:
    program = (
        "import sys; from pathlib import Path; from guesthouse.machine.session import Session;"
        "from guesthouse.machine.ssh import Endpoint, SshDirectory;"
        "ssh = SshDirectory([Endpoint('web', '192.0.2.1')], Path(sys.argv[1]));"
        "session = Session(ssh, 'web', sys.argv[2]);"
        "print(session.wait_for('child', 10), flush=True); session.wait_for('never', 1000)"
    )
    argv = [sys.executable, "-c", program, str(ssh.folder), script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        pid = int(ours.stdout.readline().split()[-1])
        ours.send_signal(signal.SIGKILL)
    assert is_gone(pid)


def test_what_does_not_come_is_an_error(ssh: SshDirectory) -> None:
    with Session(ssh, "web", "echo no; exit 7") as session:
        for _ in range(2):
            with pytest.raises(MachineError) as caught:
                session.wait_for("yes", 10)
            assert str(caught.value) == "web: ended with exit code 7, got no"
    with (
        Session(ssh, "web", "exit 255") as session,
        pytest.raises(UnreachableError, match="web: ssh failed"),
    ):
        session.wait_for("yes", 10)
    with (
        Session(ssh, "web", "echo hm; read -r _") as session,
        pytest.raises(UnreachableError, match="did not say 'yes' within 1 s, got hm"),
    ):
        session.wait_for("hm", 10)
        session.wait_for("yes", 0.6)
