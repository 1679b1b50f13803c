"""Shared ssh connections live where no other user can put something, or be in the way."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guesthouse.errors import MachineError
from guesthouse.machine import private_folder
from guesthouse.machine.ssh import Endpoint, SshDirectory

MACHINES = [Endpoint("web", "192.0.2.1")]
NOT_USED = "is not used: it is a link, no folder, somebody else's, or others can write into it"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder, as /run/user/1000 is: pytest's own are too long for sockets."""
    folder = Path(tempfile.mkdtemp())
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    yield folder
    shutil.rmtree(folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_in_the_runtime_folder(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    folder = SshDirectory(MACHINES).folder
    assert folder.parent == short / "guesthouse"
    assert (mode(folder.parent), mode(folder)) == (0o700, 0o700)
    assert SshDirectory(MACHINES).folder == folder


def not_there(short: Path) -> str:
    return str(short / "nothing")


def open_to_all(short: Path) -> str:
    (short / "run").mkdir()
    (short / "run").chmod(0o777)
    return str(short / "run")


def of_another(short: Path) -> str:
    (short / "run").mkdir(mode=0o700)
    os.chown(short / "run", 65534, 65534)
    return str(short / "run")


def a_link(short: Path) -> str:
    (short / "real").mkdir(mode=0o700)
    (short / "run").symlink_to("real")
    return str(short / "run")


def relative(_short: Path) -> str:
    return "run"


@pytest.mark.parametrize("made", [not_there, open_to_all, of_another, a_link, relative])
def test_another_runtime_folder_is_not_used(
    short: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", made(short))
    assert SshDirectory(MACHINES).folder.parent == short / "state/guesthouse"


def file(path: Path) -> None:
    path.touch()


def link(path: Path) -> None:
    path.symlink_to(path.parent)


def dangling(path: Path) -> None:
    path.symlink_to("nothing")


def anothers(path: Path) -> None:
    path.mkdir(mode=0o700)
    os.chown(path, 65534, 65534)


def writable(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize("attack", [file, link, dangling, anothers, writable])
@pytest.mark.parametrize("inner", [False, True])
def test_what_is_not_ours_is_refused(
    short: Path, attack: Callable[[Path], None], inner: bool
) -> None:
    control = SshDirectory(MACHINES).folder
    assert SshDirectory(MACHINES).folder == control
    place = control if inner else control.parent
    shutil.rmtree(place)
    attack(place)
    with pytest.raises(MachineError) as caught:
        SshDirectory(MACHINES)
    hint = f"look what is in it, remove it and try again: rm -r {place}"
    assert str(caught.value) == f"{place}: {NOT_USED}\n  hint: {hint}"


def test_a_folder_in_the_way_in_the_shared_one_does_not_matter(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SshDirectory(MACHINES).folder.name
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    anothers(short / f"gh-ssh-{os.getuid()}-{name}")
    assert SshDirectory(MACHINES).folder == short / "state/guesthouse" / name


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_a_socket_always_has_room(
    short: Path, monkeypatch: pytest.MonkeyPatch, more: int, kept: bool
) -> None:
    private_folder._scratch.cache_clear()
    room = private_folder.LONGEST_FOLDER_BYTES - len(f"{short}//guesthouse/digest")
    state = short / ("s" * (room + more))
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    folder = private_folder.private_folder("digest")
    assert folder.is_relative_to(state) == kept
    assert mode(folder) == 0o700
    # As ssh's multiplexing names the socket until it is complete.
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / ("c" * 40 + "." + "r" * 16)))
    assert folder in private_folder.private_folders()
