"""What never began on a machine is tried once more; what may have run is not."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from guesthouse.errors import MachineError, UnreachableError
from guesthouse.machine import ssh as module
from guesthouse.machine.configure import HostJob, configure
from guesthouse.machine.shell import testinfra_host as host_of
from guesthouse.machine.ssh import Endpoint, SshDirectory


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SshDirectory:
    monkeypatch.setattr(module, "PAUSE_S", 0.1)
    return SshDirectory([Endpoint("h1", "192.0.2.1")], tmp_path / "files")


@pytest.mark.parametrize(
    ("said", "times"),
    [
        # A shared connection that ended just then.
        ("", 2),
        ("kex_exchange_identification: Connection closed by remote host", 2),
        ("Connection timed out during banner exchange", 2),
        ("ssh: connect to host 192.0.2.1 port 22: Connection refused", 1),
        ("Connection to 192.0.2.1 closed by remote host.", 1),
    ],
)
def test_ssh_is_run_again(
    ssh: SshDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, times: int
) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "ssh").write_text(f"#!/bin/sh\necho x >>{calls}\nprintf '{said}' >&2\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(UnreachableError):
        ssh.run("h1", "true")
    assert len(calls.read_text().split()) == times


def test_both_have_the_time_of_one(ssh: SshDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    had: list[float] = []

    def once(*words: Any) -> subprocess.CompletedProcess[bytes]:
        had.append(words[-1])
        time.sleep(0.3)
        return subprocess.CompletedProcess([], 255, b"", b"")

    monkeypatch.setattr(ssh, "_once", once)
    with pytest.raises(UnreachableError):
        ssh.run("h1", "true", timeout_s=60)
    assert had[0] == 60
    assert had[1] < 59.7


def test_a_check_has_the_time_that_our_config_gives(ssh: SshDirectory) -> None:
    backend = host_of(ssh, "h1").backend
    assert f"ConnectTimeout {backend.timeout}\n" in ssh.config.read_text()
    assert f"ControlPersist {backend.controlpersist}\n" in ssh.config.read_text()


def test_files_are_brought_in_a_second_try() -> None:
    tries: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def turn_away() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()
                    tries.append(1)

        threading.Thread(target=turn_away, daemon=True).start()
        with pytest.raises(MachineError):
            place = listener.getsockname()
            configure(Endpoint("h1", place[0], place[1], host_keys=("ssh-ed25519 AAAA",)), JOB)
    assert len(tries) == 2


JOB = HostJob(commands=("true",))
