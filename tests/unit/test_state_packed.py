"""States that the engine packs, and whose errors are told of a copy: both names, bounded memory."""

from __future__ import annotations

import gzip
import os
import time
import zlib
from pathlib import Path

import pytest
from state_case import state_files, state_text

from guesthouse.cli import checkpoint
from guesthouse.cli.app import run
from guesthouse.cli.checkpoint import Broken, unpacked
from guesthouse.cli.deploy import _kept
from guesthouse.cli.forget import forget_stack
from guesthouse.cli.passphrase import encrypted
from guesthouse.cli.state_files import StateFiles, stacks
from guesthouse.errors import RefusedError, SetupError

WHOLE = state_text(1)
PACKED = gzip.compress(WHOLE)
FILE = ".guesthouse/state/.pulumi/stacks/guesthouse/one.json"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFiles:
    monkeypatch.chdir(tmp_path)
    return state_files(tmp_path)


def place(files: StateFiles, end: str, data: bytes, age_s: float = 0) -> Path:
    """A file of the engine, written some seconds ago."""
    path = files.project.state / f".pulumi/stacks/guesthouse/one.json{end}"
    path.write_bytes(data)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def bomb(mib: int) -> bytes:
    """So much white space, which is JSON to its last byte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [packer.compress(b" " * 1024**2) for _ in range(mib)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_state_is_whole_by_its_bytes_not_its_name(files: StateFiles, end: str) -> None:
    """The engine too reads by the first bytes. The plain one under its own name is the control."""
    for data in (WHOLE, PACKED):
        place(files, end, data)
        state = files.current()
        assert state and state.data == WHOLE
    assert stacks(files.project) == ["one"]
    assert run(["state", "check"]) == 0
    files.keep()
    assert [path.read_bytes() for path in files.copies.iterdir()] == [WHOLE]


BROKEN = {
    "cut off": (PACKED[: len(PACKED) // 2], "is no whole gzip file"),
    "its last byte is lost": (PACKED[:-1], "is no whole gzip file"),
    "its first bytes only": (PACKED[:3], "is no whole gzip file"),
    "another checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "is no whole gzip file"),
    "more behind it": (PACKED + b"x", "is no whole gzip file"),
    "cut off, then packed": (gzip.compress(WHOLE[:99]), "is cut off or no JSON (99 bytes)"),
    "empty": (b"", "is cut off or no JSON (0 bytes)"),
    "packed twice": (gzip.compress(PACKED), "is cut off or no JSON"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_packed_state_is_recovered(
    files: StateFiles, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    place(files, ".gz", PACKED)
    files.keep()
    data, what = BROKEN[how]
    place(files, ".gz", data)
    assert run(["state", "check"]) == 7
    said = capfd.readouterr().err
    assert said.startswith(f"error: {FILE}.gz: the state of stack 'one' {what}"), said
    assert run(["state", "recover", "one", "--yes"]) == 0
    state = files.current()
    assert state and state.data == WHOLE
    assert [path.read_bytes() for path in files.copies.glob("broken-*.json.gz")] == [data]
    assert files.file.name == "one.json", "alone, so that the engine takes it"


@pytest.mark.parametrize("kind", ["bak", "backups", "history"])
def test_a_packed_file_of_the_engine_is_a_way_back(files: StateFiles, kind: str) -> None:
    base = files.project.state / ".pulumi"
    named = {
        "bak": base / "stacks/guesthouse/one.json.gz.bak",
        "backups": base / "backups/guesthouse/one/one.1.json.gz",
        "history": base / "history/guesthouse/one/one-1.checkpoint.json.gz",
    }
    named[kind].parent.mkdir(parents=True, exist_ok=True)
    named[kind].write_bytes(PACKED)
    place(files, ".gz", b"x")
    assert run(["state", "recover", "one", "--yes"]) == 0
    assert files.file.read_bytes() == WHOLE


@pytest.mark.parametrize("newer", ["", ".gz"])
def test_of_both_the_last_written_counts(files: StateFiles, newer: str) -> None:
    """As the engine does: one is left when it is told to pack, or no longer to."""
    for end in ("", ".gz"):
        place(files, end, state_text(2 if end == newer else 1), 0 if end == newer else 60)
    state = files.current()
    assert state and state.time[14:16] == "02"


def test_a_state_that_went_while_it_was_packed_anew_is_missed(files: StateFiles) -> None:
    """The engine removes the plain one first, and then finds the disk full."""
    place(files, "", WHOLE)
    files.keep()
    files.file.unlink()
    with pytest.raises(SetupError, match="is missing"):
        files.current()


@pytest.mark.parametrize("mib", [1, 200])
def test_a_bomb_takes_no_memory(files: StateFiles, mib: int) -> None:
    import tracemalloc

    path = place(files, ".gz", bomb(mib))
    tracemalloc.start()
    try:
        if mib == 1:
            assert len(unpacked(path)) == 1024**2, "the control"
        else:
            with pytest.raises(Broken, match="unpacks to more than 128 MiB"):
                unpacked(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * checkpoint.MOST_UNPACKED_BYTES
    finally:
        tracemalloc.stop()


def test_zstd_is_refused_and_nothing_is_put_in_its_place(files: StateFiles) -> None:
    place(files, "", WHOLE)
    files.keep()
    packed = place(files, ".zst", b"\x28\xb5\x2f\xfd", -60)
    for call in (files.current, files.keep):
        with pytest.raises(RefusedError, match="zstd"):
            call()
    assert run(["state", "check"]) == 7
    assert run(["state", "recover", "one", "--yes"]) == 5
    assert packed.exists()


def test_secrets_in_a_packed_state_are_seen(files: StateFiles) -> None:
    place(files, ".gz", gzip.compress(b'{"type": "plain"}'))
    assert encrypted(files.project) == [], "the control"
    path = place(files, ".gz", gzip.compress(b'{"type": "passphrase"}'))
    assert encrypted(files.project) == [path]
    assert path in forget_stack(files.project, "one")


def test_an_error_of_the_run_is_not_one_of_the_copy(files: StateFiles) -> None:
    place(files, "", WHOLE)

    def fails() -> int:
        raise OSError(28, "of the run")

    with pytest.raises(OSError, match="of the run"):
        _kept(files.project, "one", fails)

    def spoils_the_copies() -> int:
        files.copies.rename(files.copies.with_name("gone"))
        files.copies.write_bytes(b"")
        place(files, "", state_text(2))
        return 0

    with pytest.raises(SetupError, match="the state cannot be copied"):
        _kept(files.project, "one", spoils_the_copies)
