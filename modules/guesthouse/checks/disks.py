"""Checks of a guest's disk on its host: attached, its policy and limits, its file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from guesthouse.checks import limits
from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need
from guesthouse.checks.domain import both
from guesthouse.checks.host import reach_id
from guesthouse.facts.guest import Shape
from guesthouse.facts.storage import VolumeFact
from guesthouse.placement import DiskPlan, GuestPlan

GIB = 1024**3


def checks(ground: Ground, guest: GuestPlan, disk: DiskPlan) -> Iterator[Check]:
    """Every check of one disk from outside."""
    path = f"disks.{disk.name}"

    def file(shape: Shape) -> str:
        # By its file: a disk plugged in may have another device name until the next start.
        found = shape.disk(disk.path)
        return f"{found.path} as {found.serial}" if found else ""

    wanted = f"{disk.path} as {disk.serial}"
    what = "disk is attached under its serial"
    yield ground.check(path, what, wanted, partial(both, guest, file, wanted))
    yield from limits.of_disk(ground, guest, disk)
    yield _policy(ground, guest, disk)
    files = Ground(guest.host, ground.base, ground.remedy, (reach_id(guest.host),))

    def volume(facts: SiteFacts) -> VolumeFact | None:
        return need(facts.host(guest.host).volumes).get(disk.path)

    def size(facts: SiteFacts) -> Seen:
        found = volume(facts)
        seen = _gib(found.size_bytes) if found else f"no file {disk.path}"
        return Seen(seen == _gib(disk.size_bytes), seen)

    def image(facts: SiteFacts) -> Seen:
        found = volume(facts)
        if found is None:
            raise Unanswered(f"failed: {files.id(f'{path}.size_gib')}")
        return equal(disk.image.path if disk.image else "", found.backing_path)

    size_path = f"{path}.size_gib"
    yield files.check(size_path, "disk has its size", _gib(disk.size_bytes), size)
    if disk.allocation == "full":
        yield _room(files, guest, disk)
    over = disk.image.path if disk.image else ""
    yield files.check(f"{path}.image", "disk is an overlay on its image", over, image)


def _room(files: Ground, guest: GuestPlan, disk: DiskPlan) -> Check:
    """The file has all its room already."""

    def room(facts: SiteFacts) -> Seen:
        used = need(facts.host(guest.host).volumes)[disk.path].used_bytes
        return Seen(used >= disk.size_bytes, f"{used / GIB:.2f} GiB")

    path, wanted = f"disks.{disk.name}", _gib(disk.size_bytes)
    needs = (files.id(f"{path}.size_gib"),)
    what = "disk has all its room"
    return files.check(f"{path}.allocation", what, wanted, room, needs=needs)


def _policy(ground: Ground, guest: GuestPlan, disk: DiskPlan) -> Check:
    """Cache, I/O and discard in one: a disk has them from its start to its end."""

    def of(shape: Shape) -> str:
        found = shape.disk(disk.path)
        return _words(found.cache, found.io, found.discard) if found else ""

    path, wanted = f"disks.{disk.name}", _words(disk.cache, disk.io, disk.discard)
    look = partial(both, guest, of, wanted)
    needs = (ground.id(path),)
    what = "disk has its cache, io and discard"
    return ground.check(path, what, wanted, look, aspect="policy", needs=needs)


def _words(cache: str, io: str, discard: str) -> str:
    return f"cache {cache or 'default'}, io {io or 'default'}, discard {discard or 'default'}"


def _gib(size_bytes: int) -> str:
    whole, rest = divmod(size_bytes, GIB)
    return f"{size_bytes} bytes" if rest else f"{whole} GiB"
