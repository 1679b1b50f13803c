"""What the cache holds is run only when it is as it was made."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from guesthouse import cache
from guesthouse.errors import LabError, SetupError
from guesthouse.lab import images, lab
from guesthouse.lab.recipe import load
from guesthouse.lab.state import Record

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = ("scripts/setup.sh", "scripts/schemas.sh", "scripts/prometheus.sh", "scripts/s3.sh")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.home()


@pytest.fixture
def entry(home: Path) -> Path:
    """An entry as an engine's is: a program, a link, a file deeper down."""
    return made(home / "engine/key", b"program")


def made(entry: Path, content: bytes) -> Path:
    folder = cache.room()
    (folder / "bin").mkdir()
    (folder / "bin/pulumi").write_bytes(content)
    (folder / "bin/pulumi").chmod(0o755)
    (folder / "bin/data").write_bytes(b"")
    (folder / "bin/host").symlink_to("pulumi")
    (folder / "bin/lib64").symlink_to(".")
    cache.put(folder, entry)
    return entry


def one_bit(entry: Path) -> None:
    """Same length, same time: nothing but the content tells."""
    file = entry / "bin/pulumi"
    times = file.stat()
    file.write_bytes(b"Program")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced_by_link(entry: Path) -> None:
    (entry / "bin/pulumi").rename(entry.parent / "elsewhere")
    (entry / "bin/pulumi").symlink_to(entry.parent / "elsewhere")


def other_target(entry: Path) -> None:
    (entry / "bin/host").unlink()
    (entry / "bin/host").symlink_to("/bin/sh")


def fifo(entry: Path) -> None:
    (entry / "bin/data").unlink()
    os.mkfifo(entry / "bin/data")


def entry_is_a_link(entry: Path) -> None:
    entry.rename(entry.parent / "away")
    entry.symlink_to("away")


def record(text: str) -> Callable[[Path], None]:
    return lambda entry: void((entry / cache.RECORD).write_text(text))


def record_is_a_folder(entry: Path) -> None:
    (entry / cache.RECORD).unlink()
    (entry / cache.RECORD).mkdir()


def void(_: object) -> None:
    """Lambdas of the tables give nothing back."""


ONE = "bin/pulumi differs"
UNREADABLE = "it can't be read (ValueError)"
DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (one_bit, ONE),
    (lambda e: void((e / "bin/pulumi").write_bytes(b"")), ONE),
    (lambda e: (e / "bin/pulumi").chmod(0o644), ONE),
    (lambda e: (e / "bin/pulumi").unlink(), "bin/pulumi is missing"),
    (lambda e: void((e / "bin/more").write_bytes(b"x")), "bin/more is not of it"),
    (lambda e: (e / "bin/more").symlink_to("/"), "bin/more is not of it"),
    (lambda e: void((e / "bin/a\x1b[2Jb").write_bytes(b"")), "is not of it"),
    (replaced_by_link, ONE),
    (other_target, "bin/host differs"),
    (fifo, "bin/data differs"),
    (entry_is_a_link, "it is a link, no folder, or somebody else's"),
    (lambda e: os.chown(e, 65534, 65534), "it is a link, no folder, or somebody else's"),
    (lambda e: (e / cache.RECORD).unlink(), "record.json is missing"),
    (record_is_a_folder, "it can't be read (IsADirectoryError)"),
    (record(""), "it can't be read (JSONDecodeError)"),
    (record("[" * 100_000), "it can't be read (RecursionError)"),
    (record("[]"), "it can't be read (TypeError)"),
    (record("{}"), "it can't be read (KeyError)"),
    (record('{"files": []}'), "record.json holds no digests"),
    (record('{"files": {}}'), "bin/data is not of it"),
]


def test_the_control_is_as_it_was_made(entry: Path) -> None:
    assert cache.check(entry)
    assert not cache.check(entry.with_name("other"))
    assert (entry.stat().st_mode & 0o777, entry.parent.parent.stat().st_mode & 0o777) == (
        0o755,
        0o700,
    )


@pytest.mark.parametrize(("damage", "words"), DAMAGE)
def test_damage_is_found_and_made_again(
    entry: Path, damage: Callable[[Path], None], words: str
) -> None:
    if "chown" in damage.__code__.co_names and os.getuid():
        damage = entry_is_a_link  # Only root can give a folder away.
    damage(entry)
    with pytest.raises(cache.DamagedError, match=re.escape(words)) as found:
        cache.check(entry)
    assert "\x1b" not in str(found.value)
    made(entry, b"new")
    assert cache.check(entry) and (entry / "bin/pulumi").read_bytes() == b"new"
    assert not list(cache.home().glob(".making-*"))


def test_the_first_of_two_stays(entry: Path) -> None:
    before = (entry / "bin/pulumi").stat().st_ino
    made(entry, b"program of the second")
    assert (entry / "bin/pulumi").stat().st_ino == before and cache.check(entry)


def _race(entry: Path, number: int) -> None:
    made(entry, b"%d" % number)


def test_many_at_once_leave_one_whole_entry(home: Path) -> None:
    ways = [
        multiprocessing.get_context("fork").Process(target=_race, args=(home / "e/k", number))
        for number in range(12)
    ]
    for way in ways:
        way.start()
    for way in ways:
        way.join(30)
    assert [way.exitcode for way in ways] == [0] * 12
    assert cache.check(home / "e/k") and not list(home.glob(".making-*"))


def test_rooms_of_killed_builds_go_after_a_day(home: Path) -> None:
    old, new = cache.room(), cache.room()
    day_ago = time.time() - 90_000
    os.utime(old, (day_ago, day_ago))
    cache.room()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_cache_that_others_can_write_is_not_used(home: Path, mode: int) -> None:
    home.chmod(mode)
    with pytest.raises(SetupError, match="others can write into it"):
        cache.home()


def test_a_link_at_the_place_of_a_lock_is_not_followed(home: Path) -> None:
    (home / "precious").write_text("text")
    (home / ".lock").symlink_to("precious")
    with pytest.raises(OSError, match="symbolic link"), cache.locked(home / ".lock"):
        pass
    assert (home / "precious").read_text() == "text"


# ---- for scripts ----------------------------------------------------------------------------


def script(lines: str, *words: object) -> subprocess.CompletedProcess[str]:
    text = f"set -eu; checkout={CHECKOUT}; python={sys.executable}\n"
    text += '. "$checkout/scripts/in_cache.sh"\n'
    return subprocess.run(
        ["sh", "-c", text + lines, "sh", *map(str, words)], capture_output=True, text=True
    )


TAKE = 'if is_cached "$1"; then echo used; else echo making; fi'


def test_scripts_use_what_is_whole_and_make_the_rest(entry: Path) -> None:
    assert script(TAKE, entry).stdout == "used\n"
    absent = script(TAKE, entry.with_name("other"))
    assert (absent.stdout, absent.stderr) == ("making\n", "")
    one_bit(entry)
    damaged = script(TAKE, entry)
    assert damaged.stdout == "making\n"
    assert damaged.stderr == (
        f"cache: {entry}: is not as it was made: bin/pulumi differs\ncache: it is made again\n"
    )
    again = 'made=$(in_cache room); echo x > "$made/x"; in_cache put "$made" "$1"; ls "$1"'
    assert script(again, entry).stdout == "record.json\nx\n"
    assert script(TAKE, entry).stdout == "used\n"


def test_a_script_ends_where_the_cache_cannot_be_used(entry: Path) -> None:
    cache.home().chmod(0o777)
    ended = script("made=$(in_cache room); echo went on")
    assert (ended.returncode, ended.stdout) == (7, "") and "hint: look" in ended.stderr


@pytest.mark.parametrize("name", [*SCRIPTS, "engine/build.sh"])
def test_each_script_asks_before_it_uses_the_cache(name: str) -> None:
    """A script that looks for a file in the cache by itself would run it unverified."""
    text = (CHECKOUT / name).read_text()
    assert re.search(r'is_cached "\$', text) and "in_cache put" in text
    assert not re.search(r"-[xsef] \"?\$(cache|home)", text)


# ---- the lab --------------------------------------------------------------------------------


@pytest.fixture
def host_image(home: Path) -> Path:
    """An image as `build` leaves it, at the key of today's recipe."""
    folder = cache.room()
    for name in ("host.qcow2", "vmlinuz", "initrd"):
        (folder / name).write_text(name)
    (folder / "image.json").write_text('{"sha256": {"host": "00"}}')
    entry = home / "images" / f"host-{images.build_key(load('host'))}"
    cache.put(folder, entry)
    return entry


def lab_record(image: Path, qemu: str) -> Record:
    return Record("tcg", qemu, (), str(image), (), one_segment=False)


@pytest.mark.parametrize("name", ["host.qcow2", "vmlinuz", "initrd", "image.json"])
def test_a_lab_never_boots_a_changed_image(host_image: Path, name: str) -> None:
    said: list[str] = []
    assert images.image("host", said.append).folder == host_image
    existing = lab_record(host_image, "qemu-system-x86_64")
    lab.check_cached(existing)
    (host_image / name).write_text("changed")
    wanted = (
        f"{host_image}: is not as it was made: {name} differs\n"
        f"  hint: rm -r {host_image}, `guesthouse lab down`, then `guesthouse lab up`: "
        "it is built again"
    )
    for look in (lambda: images.image("host", said.append), lambda: lab.check_cached(existing)):
        with pytest.raises(LabError) as found:
            look()
        assert str(found.value) == wanted
    # Disks of labs lie on it: it is not made again under them.
    assert (host_image / name).read_text() == "changed" and said == []


def test_an_existing_lab_never_runs_a_changed_emulator(host_image: Path, home: Path) -> None:
    qemu = made(home / "qemu-1", b"qemu")
    existing = lab_record(host_image, str(qemu / "qemu-system-x86_64"))
    lab.check_cached(existing)
    one_bit(qemu)
    with pytest.raises(LabError, match=r"bin/pulumi differs\n  hint: rm -r .*qemu-1, "):
        lab.check_cached(existing)
    # Gone is said where it is started.
    lab.check_cached(replace(existing, qemu=str(home / "gone/qemu-system-x86_64")))
