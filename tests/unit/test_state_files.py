"""A state in files that is cut off, unreadable, or on a full disk: a copy always brings it back."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from state_case import engine_files, state_files, state_text, write_engine_files

from guesthouse.cli.app import run
from guesthouse.cli.checkpoint import Broken, read
from guesthouse.cli.state_files import GENERATIONS, StateFiles
from guesthouse.errors import SetupError

WHOLE = state_text(1)
# Every length of a short file is too many: the ends, and steps between.
OFFSETS = sorted({0, 1, 2, *range(7, len(WHOLE), len(WHOLE) // 60), len(WHOLE) - 1})
FILE = ".guesthouse/state/.pulumi/stacks/guesthouse/one.json"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFiles:
    monkeypatch.chdir(tmp_path)
    found = state_files(tmp_path)
    write_engine_files(found, WHOLE)
    return found


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_torn_write_is_seen_and_recovered(files: StateFiles, offset: int) -> None:
    files.keep()
    write_engine_files(files, WHOLE[:offset])
    with pytest.raises(SetupError) as caught:
        files.current()
    assert str(caught.value) == (
        f"{FILE}: the state of stack 'one' is cut off or no JSON ({offset} bytes)\n"
        "  hint: run: guesthouse state recover one (it says what it will do, and asks)"
    )
    assert run(["state", "recover", "one", "--yes"]) == 0
    assert files.file.read_bytes() == WHOLE
    assert [p.read_bytes() for p in files.copies.glob("broken-*.json")] == [WHOLE[:offset]]


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _io_error(path: Path) -> None:
    """The kernel answers EIO to who reads address 0 of a process: proc(5)."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


UNREADABLE = {
    "folder": (_folder, "is a folder"),
    "EIO": (_io_error, "cannot be read: input/output error"),
    "loop": (_loop, "cannot be read: too many levels of symbolic links"),
    "gone": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("how", UNREADABLE)
@pytest.mark.parametrize("many", [1, 4])
def test_an_unreadable_state_is_recovered(files: StateFiles, how: str, many: int) -> None:
    files.keep()
    spoil, what = UNREADABLE[how]
    for path in engine_files(files)[:many]:
        spoil(path)
    with pytest.raises(SetupError) as caught:
        files.current()
    assert str(caught.value).splitlines()[0] == f"{FILE}: the state of stack 'one' {what}"
    assert run(["state", "recover", "one", "--yes"]) == 0
    assert files.file.read_bytes() == WHOLE


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_unreadable_copy_is_passed_over(files: StateFiles, how: str) -> None:
    files.keep()
    files.file.write_bytes(state_text(2))
    files.keep()
    UNREADABLE[how][0](max(files.copies.glob("[0-9]*.json")))
    write_engine_files(files, b"")
    best = files.best()
    assert best is not None
    assert best.data == WHOLE


def test_a_full_disk_leaves_a_way_back(tmp_path: Path) -> None:
    """Really full: a tmpfs of 60 to 120 KiB, at 42 points."""
    program = str(Path(__file__).with_name("full_disk.py"))
    namespace = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    argv = [*namespace, sys.executable, program, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 42
    assert [line for line in lines if "unrecoverable" in line or " 0 resources" in line] == []
    # Points of both kinds, or nothing was tested.
    assert {line.split(": ")[2].split(",")[0] for line in lines} == {"kept", "not kept"}
    assert any("with room" in line for line in lines)


def test_a_run_wants_room(files: StateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    files.require_room()
    monkeypatch.setattr("guesthouse.cli.state_files.LEAST_FREE_BYTES", 2**60)
    with pytest.raises(SetupError) as caught:
        files.require_room()
    text = str(caught.value)
    needed = -(-(2**60 + 8 * len(WHOLE)) // 1024)
    got = text.split("got ")[1].split(",")[0]
    assert text == (
        ".guesthouse/state: too little free space for a run, which could leave the state cut off, "
        f"got {got}, allowed at least {needed} KiB\n"
        "  hint: make room on that disk; .guesthouse/state/.pulumi/history is only for reading"
    )


def test_a_few_generations_are_kept(files: StateFiles) -> None:
    for minute in range(1, GENERATIONS + 4):
        files.file.write_bytes(state_text(minute))
        files.keep()
        files.keep()  # the same again is no new copy
    copies = sorted(files.copies.iterdir())
    assert [read(path, files.name).time[14:16] for path in copies] == ["04", "05", "06", "07", "08"]
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    assert files.copies.stat().st_mode & 0o777 == 0o700


WRONG = {
    "version 5": (WHOLE.replace(b'"version": 3', b'"version": 5'), "is not a state of organi"),
    "another stack": (state_text(1, stack="two"), "is not a state of organization/guesthouse/one"),
    "another engine": (WHOLE.replace(b'"v3.0.0"', b'"v3.0.1"'), "has a wrong mark of the engine"),
    "a lost parent": (WHOLE.replace(b"::r0", b"::rx", 1), "lacks resources that urn:pulumi:one"),
    "a list": (b"[]", "is not a state of the engine"),
    "nesting": (b"[" * 100_000, "is cut off or no JSON (100000 bytes)"),
    "no text": (b"\xff\xfe", "is cut off or no JSON (2 bytes)"),
}


@pytest.mark.parametrize("version", [b"3", b"4"])
def test_both_versions_are_whole(files: StateFiles, version: bytes) -> None:
    files.file.write_bytes(WHOLE.replace(b'"version": 3', b'"version": ' + version))
    assert read(files.file, files.name).resources == 20
    assert run(["state", "check", "one"]) == 0


@pytest.mark.parametrize("how", WRONG)
def test_what_is_no_whole_state_is_no_copy(files: StateFiles, how: str) -> None:
    data, what = WRONG[how]
    files.file.write_bytes(data)
    with pytest.raises(Broken) as caught:
        read(files.file, files.name)
    assert str(caught.value).startswith(what)
    with pytest.raises(SetupError):
        files.keep()
    assert not files.copies.exists()


def test_recover_says_what_it_will_do_and_asks(
    files: StateFiles, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(["state", "recover", "one"]) == 0
    assert capfd.readouterr().out == "the state of stack 'one' is whole, nothing to do\n"
    files.keep()
    files.file.write_bytes(b"")
    assert run(["state", "check"]) == 7
    capfd.readouterr()
    # There is nobody to answer.
    assert run(["state", "recover", "one"]) == 1
    out = capfd.readouterr().out.splitlines()
    assert out[0] == f"{FILE}: the state of stack 'one' is cut off or no JSON (0 bytes)"
    assert out[1].startswith("puts back .guesthouse/state-copies/guesthouse/one/")
    assert out[1].endswith(": 20 resources, of 2026-11-28T18:01:00Z")
    assert out[2].startswith(
        "keeps what is there as .guesthouse/state-copies/guesthouse/one/broken-"
    )
    assert files.file.read_bytes() == b""


def test_without_a_whole_copy_nothing_is_changed(
    files: StateFiles, capfd: pytest.CaptureFixture[str]
) -> None:
    write_engine_files(files, b"x")
    assert run(["state", "recover", "one", "--yes"]) == 7
    assert capfd.readouterr().err == (
        f"error: {FILE}: no whole copy of the state was found\n"
        "  hint: restore .guesthouse from a backup; nothing was changed\n"
    )
    assert files.file.read_bytes() == b"x"
