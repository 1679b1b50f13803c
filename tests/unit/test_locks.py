"""A host's lock, by the shell that holds it here: what runs at its end, and when it does not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from guesthouse.errors import MachineError, UnreachableError
from guesthouse.machine import connections
from guesthouse.machine.connections import HostConnection
from guesthouse.machine.ssh import SshDirectory

CONNECTION: dict[str, Any] = {
    "name": "h1",
    "address": "192.0.2.1",
    "port": 22,
    "user": "root",
    "identity_file": "",
    "host_keys": [],
    "boots_at_once": 1,
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostConnection:
    """A host whose ssh runs here."""
    monkeypatch.setattr(connections, "LOCKS", str(tmp_path))
    made = HostConnection(CONNECTION, cast(Any, None))
    made._ssh = cast(SshDirectory, SimpleNamespace(command=lambda name, *argv: list(argv)))
    return made


def test_what_is_to_run_at_the_end_runs_under_the_lock(
    host: HostConnection, tmp_path: Path
) -> None:
    lock, done = tmp_path / "guesthouse-web.lock", tmp_path / "done"
    script = f"flock --nonblock {lock} true || echo held >{done}; cd /"
    with host.lock("web", at_end=script):
        assert lock.exists() and not done.exists()
    assert done.read_text() == "held\n"
    assert not lock.exists()


def test_after_an_error_it_does_not_run(host: HostConnection, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with pytest.raises(RuntimeError, match="block"), host.lock("web", at_end=f"touch {done}"):
        raise RuntimeError("block")
    assert [*tmp_path.iterdir()] == []


def test_what_fails_at_the_end_is_told_and_the_lock_falls(
    host: HostConnection, tmp_path: Path
) -> None:
    with pytest.raises(MachineError) as caught, host.lock("web", at_end="echo so >&2; exit 3"):
        pass
    assert str(caught.value) == "host h1: `echo so >&2; exit 3` failed, got so"
    assert [*tmp_path.iterdir()] == []
    with host.lock("web"):
        assert [path.name for path in tmp_path.iterdir()] == ["guesthouse-web.lock"]


def test_only_one_has_it(host: HostConnection) -> None:
    with host.lock("web"), host.lock("db"):
        with pytest.raises(MachineError) as caught, host.lock("web", at_end="true"):
            pass
        assert str(caught.value) == (
            "host h1: 'web' is being changed by another run\n"
            "  hint: wait until the other run has ended, then run `up` again"
        )


def test_a_host_that_does_not_answer_is_asked_twice(
    host: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def command(name: str, *argv: str) -> list[str]:
        asked.append(name)
        return ["sh", "-c", "echo no route >&2; exit 255"]

    monkeypatch.setattr(host.ssh, "command", command)
    with pytest.raises(UnreachableError) as caught, host.lock("web"):
        pass
    assert str(caught.value) == "host h1: ssh failed, got no route"
    assert asked == ["h1", "h1"]


def test_a_link_that_dies_before_the_end_is_told(
    host: HostConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holders: list[subprocess.Popen[bytes]] = []
    holder = host._holder

    def kept(*argv: str) -> tuple[subprocess.Popen[bytes], bytes]:
        process, said = holder(*argv)
        holders.append(process)
        return process, said

    monkeypatch.setattr(host, "_holder", kept)
    done = tmp_path / "done"
    with pytest.raises(MachineError) as caught, host.lock("web", at_end=f"touch {done}"):
        holders[0].kill()
        holders[0].wait()
    assert str(caught.value) == f"host h1: `touch {done}` failed"
    assert not done.exists()


def test_on_a_host_of_pure_memory_nothing_runs() -> None:
    host = HostConnection({**CONNECTION, "libvirt_uri": "test:///default"}, cast(Any, None))
    with host.lock("web", at_end="false"):
        pass
    assert host.generation == 1
