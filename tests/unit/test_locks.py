"""A host's lock, by the shell that holds it here: what runs at its end, and when it does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
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
    monkeypatch.setattr(connections, "LOCKS", str(tmp_path / "run"))
    made = HostConnection(CONNECTION, cast(Any, None))
    made._ssh = cast(SshDirectory, SimpleNamespace(command=lambda name, *argv: list(argv)))
    return made


def test_what_is_to_run_at_the_end_runs_under_the_lock(
    host: HostConnection, tmp_path: Path
) -> None:
    lock, done = tmp_path / "run/web.lock", tmp_path / "done"
    script = f"flock --nonblock {lock} true || echo held >{done}; cd /"
    with host.lock("web", at_end=script):
        assert lock.exists() and not done.exists()
    assert done.read_text() == "held\n"
    assert not lock.exists()


def test_after_an_error_it_does_not_run(host: HostConnection, tmp_path: Path) -> None:
    done = tmp_path / "done"
    with pytest.raises(RuntimeError, match="block"), host.lock("web", at_end=f"touch {done}"):
        raise RuntimeError("block")
    assert [*(tmp_path / "run").iterdir()] == []


def test_what_fails_at_the_end_is_told_and_the_lock_falls(
    host: HostConnection, tmp_path: Path
) -> None:
    with pytest.raises(MachineError) as caught, host.lock("web", at_end="echo so >&2; exit 3"):
        pass
    assert str(caught.value) == "host h1: `echo so >&2; exit 3` failed, got so"
    assert [*(tmp_path / "run").iterdir()] == []
    with host.lock("web"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["web.lock"]


def _link(place: Path, aim: Path) -> None:
    aim.mkdir()
    place.symlink_to(aim)


def _others(place: Path, aim: Path) -> None:
    place.mkdir()
    os.chown(place, 65534, 65534)


PLACES: dict[str, tuple[Callable[[Path, Path], object], bool]] = {
    "nothing (control)": (lambda place, aim: None, True),
    "a folder of an earlier run (control)": (lambda place, aim: place.mkdir(mode=0o700), True),
    "our folder, open to all": (lambda place, aim: place.mkdir(mode=0o777), True),
    "a link to a folder": (_link, False),
    "a link to nothing": (lambda place, aim: place.symlink_to(aim), False),
    "a file": (lambda place, aim: place.write_text("kept"), False),
    "somebody else's folder": (_others, False),
}


@pytest.mark.parametrize("name", PLACES)
def test_locks_are_in_a_folder_of_roots_own(
    host: HostConnection, tmp_path: Path, name: str
) -> None:
    prepare, usable = PLACES[name]
    place, aim = tmp_path / "run", tmp_path / "aim"
    prepare(place, aim)
    if usable:
        with host.lock("web"):
            assert (place.stat().st_mode & 0o777, place.stat().st_uid) == (0o700, os.getuid())
            assert (place / "web.lock").exists()
    else:
        with pytest.raises(MachineError) as caught, host.lock("web"):
            pass
        assert str(caught.value) == (
            f"host h1: {place} is not a folder of root's own\n"
            "  hint: look who made it, remove it, then run `up` again"
        )
        assert not aim.exists() or [*aim.iterdir()] == []


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
