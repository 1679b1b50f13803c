"""Uploads of images into one folder that several hosts have; each host's shell runs here."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from guesthouse.errors import MachineError
from guesthouse.machine import connections
from guesthouse.machine.connections import HostConnection
from guesthouse.machine.ssh import SshDirectory
from guesthouse.provider.image import ImageResource, _upload
from guesthouse.provider.resource import Call

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FAILED = (
    "host h1: the upload of source.raw failed, got {}\n"
    "  hint: is there room in the pool? run `up` again to try once more"
)


class Ssh(SshDirectory):
    def __init__(self, here: Here, name: str) -> None:
        super().__init__([], folder=here.folder / f"ssh-{name}")
        self.here = here

    def command(self, name: str, *argv: str) -> list[str]:
        return [*self.here.wrap, *argv]


class Here(ImageResource):
    """Of hosts whose ssh runs here; ``wrap`` stands before each of their commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, HostConnection] = {}
        self.wrap: tuple[str, ...] = ()

    def host(self, values: Any) -> HostConnection:
        name = values["connection"]["name"]
        if name not in self.hosts:
            made = HostConnection(values["connection"], cast(Any, None))
            made._ssh = Ssh(self, name)
            self.hosts[name] = made
        return self.hosts[name]


@dataclass
class World:
    """A pool's folder, the image that is to come into it, and what was said."""

    root: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resource = Here(self.root)
        self.pool.mkdir()
        self.source.write_bytes(CONTENT)
        os.mkfifo(self.pipe)

    @property
    def pool(self) -> Path:
        return self.root / "pool"

    @property
    def source(self) -> Path:
        return self.root / "source.raw"

    @property
    def pipe(self) -> Path:
        """A source that gives as much as the test writes to it."""
        return self.root / "pipe.raw"

    @property
    def volume(self) -> Path:
        return self.pool / "small.raw"

    @property
    def call(self) -> Call:
        return Call("urn", self.said.append)

    def inputs(self, host: str = "h1") -> dict[str, Any]:
        return {
            "connection": {
                "name": host,
                "address": "192.0.2.1",
                "port": 22,
                "user": "root",
                "identity_file": "",
                "host_keys": [],
                "boots_at_once": 1,
            },
            "pool": "p",
            "source": str(self.source),
            "sha256": SHA256,
            "format": "raw",
            "path": str(self.volume),
        }

    def create(self, host: str = "h1") -> None:
        self.resource.create(self.call, self.inputs(host))

    def upload(self, host: str, source: Path) -> None:
        inputs = self.inputs(host)
        _upload(self.call, self.resource.host(inputs), inputs, source)

    def listing(self) -> list[str]:
        return sorted(path.name for path in self.pool.iterdir())

    @contextmanager
    def half_done(self, host: str) -> Iterator[tuple[Any, Future[None]]]:
        """An upload that has come halfway: the pipe to write the rest to, and what it comes to."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.upload, host, self.pipe)
            with self.pipe.open("wb", buffering=0) as pipe:
                pipe.write(CONTENT[: len(CONTENT) // 2])
                wait_for(lambda: any(f.stat().st_size > 0 for f in self.pool.iterdir()))
                yield pipe, running


def wait_for(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "did not come"
        time.sleep(0.01)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(connections, "LOCKS", str(tmp_path / "run"))
    return World(tmp_path)


def test_two_hosts_upload_at_a_time_and_neither_replaces_what_the_other_has(world: World) -> None:
    with world.half_done("h1") as (pipe, first):
        world.create("h2")
        done = world.volume.stat()
        pipe.write(CONTENT[len(CONTENT) // 2 :])
        pipe.close()
        first.result(timeout=20)
    assert world.volume.read_bytes() == CONTENT and oct(done.st_mode) == "0o100444"
    # The same file: guests of h2 may have it open.
    assert world.volume.stat().st_ino == done.st_ino
    assert world.listing() == ["small.raw"]


def test_what_is_there_with_a_wrong_content_is_replaced(world: World) -> None:
    world.volume.write_bytes(b"torn")
    world.create()
    assert world.volume.read_bytes() == CONTENT and world.listing() == ["small.raw"]


def test_a_name_is_not_to_be_foreseen(world: World) -> None:
    with world.half_done("h1") as (pipe, first):
        (name,) = world.listing()
        assert re.fullmatch(r"small\.raw\.part\.h1\.[A-Za-z0-9]{10}", name)
        assert oct((world.pool / name).stat().st_mode) == "0o100600"
        pipe.close()
        with pytest.raises(MachineError):
            first.result(timeout=20)


def test_a_source_that_ends_early_leaves_nothing(world: World) -> None:
    with world.half_done("h1") as (pipe, first):
        pipe.close()
        with pytest.raises(MachineError) as failed:
            first.result(timeout=20)
    assert str(failed.value) == FAILED.format("a wrong digest").replace("source", "pipe")
    assert world.listing() == []


# A disk of so many KiB in the pool's place; the image has 1024. What is there in the end is told.
DISKS = {"512": ("cat: write error: No space left on device", []), "4096": ("", ["small.raw"])}


@pytest.mark.parametrize("size_kib", DISKS)
def test_the_file_is_what_counts_not_what_was_sent(world: World, size_kib: str) -> None:
    script = (
        f"mount -t tmpfs -o size={size_kib}k tmpfs {world.pool} || exit 99; "
        f'"$@"; code=$?; ls {world.pool} >{world.root}/listing; exit $code'
    )
    namespace = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    world.resource.wrap = (*namespace, "sh", "-c", script, "sh")
    why, left = DISKS[size_kib]
    if why:
        with pytest.raises(MachineError) as failed:
            world.upload("h1", world.source)
        assert str(failed.value) == FAILED.format(why)
    else:
        world.upload("h1", world.source)
    assert (world.root / "listing").read_text().split() == left


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_killed_upload_is_cleaned_up(world: World, kill: signal.Signals) -> None:
    """By itself, or where it cannot, by the next one, which says so."""
    # As sshd starts it: a shell that began with a signal ignored (nohup, `&`) cannot trap it.
    world.resource.wrap = ("env", "--default-signal=HUP,INT,TERM", "setsid", "--wait")
    with world.half_done("h1") as (_, first):
        os.killpg(holder(next(world.pool.iterdir())), kill)
        with pytest.raises(MachineError):
            first.result(timeout=20)
    assert len(world.listing()) == (1 if kill == signal.SIGKILL else 0)
    world.said.clear()
    world.create()
    assert world.listing() == ["small.raw"]
    removed = [f"{world.volume}: removed 1 unfinished upload(s) on h1"]
    assert world.said == [
        *(removed if kill == signal.SIGKILL else []),
        "source.raw: uploading 1 MiB to h1",
    ]


def holder(path: Path) -> int:
    """The process group that has a file open."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(fd.readlink() == path for fd in folder.iterdir()):
                return os.getpgid(int(folder.parent.name))
        except OSError:
            continue
    raise AssertionError(f"nobody has {path} open")


def test_a_running_upload_of_the_same_host_is_left_alone(world: World) -> None:
    """As when the one who sends it has lost the host's lock with its link, but is alive."""
    with world.half_done("h1") as (pipe, first):
        (name,) = world.listing()
        world.create("h1")
        assert world.listing() == ["small.raw", name]
        pipe.write(CONTENT[len(CONTENT) // 2 :])
        pipe.close()
        first.result(timeout=20)
    assert not any("removed" in line for line in world.said)


# What may lie in the folder -> is it removed?
LEFTOVERS = {
    "small.raw.part.h1.aB3dE6gH9j": True,
    "small.raw.part.h2.aB3dE6gH9j": False,
    "small.raw.part.h1.aB3dE6gH9": False,
    "small.raw.part.h1.aB3dE6gH9jK": False,
    "small.raw.part": False,
    "other.raw.part.h1.aB3dE6gH9j": False,
    "small.raw.part.h1": False,
}


def test_only_our_own_leftovers_go(world: World) -> None:
    for name in LEFTOVERS:
        (world.pool / name).write_text("half")
    (world.pool / "small.raw.part.h1.folderABCD").mkdir()
    aim = world.root / "aim"
    (world.pool / "small.raw.part.h1.linkABCDEF").symlink_to(aim)
    world.create()
    stay = [name for name, goes in LEFTOVERS.items() if not goes]
    more = ["small.raw", "small.raw.part.h1.folderABCD", "small.raw.part.h1.linkABCDEF"]
    assert world.listing() == sorted([*stay, *more])
    assert not aim.exists()
    assert world.said[0] == f"{world.volume}: removed 1 unfinished upload(s) on h1"
