"""What never began on a machine is tried once more; what may have run is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guesthouse.errors import UnreachableError
from guesthouse.machine.ssh import Endpoint, SshDirectory


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, times: int
) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "ssh").write_text(f"#!/bin/sh\necho x >>{calls}\nprintf '{said}' >&2\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    ssh = SshDirectory([Endpoint("h1", "192.0.2.1")], tmp_path / "files")
    with pytest.raises(UnreachableError):
        ssh.run("h1", "true")
    assert len(calls.read_text().split()) == times
