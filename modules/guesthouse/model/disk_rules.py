"""What a guest's disks, their pools and their images must say about each other."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.guest import Disk
from guesthouse.model.order import Known
from guesthouse.model.problems import Path, problem, quoted
from guesthouse.model.site import Site


def problems(site: Site, name: str, pools: Known, images: Known) -> Iterator[Problem]:
    """Of the guest ``name``; ``pools`` and ``images`` give the problems of a reference to one."""
    path, guest = ("guests", name), site.guests[name]
    for disk_name, disk in guest.disks.items():
        here = (*path, "disks", disk_name)
        yield from pools((*here, "pool"), disk.pool)
        if disk.image is not None:
            yield from images((*here, "image"), disk.image)
        yield from _disk_policy(here, disk)
        pool = site.pools.get(disk.pool)
        if pool and guest.host in site.hosts and guest.host not in pool.hosts:
            allowed = quoted([n for n, p in site.pools.items() if guest.host in p.hosts])
            hint = f"add '{guest.host}' to pools.{disk.pool}.hosts"
            what = f"the pool is not on host '{guest.host}'"
            yield problem((*here, "pool"), what, disk.pool, allowed, hint)
    if all(disk.image is None for disk in guest.disks.values()):
        hint = f"name one: guests.{name}.disks.{next(iter(guest.disks))}.image"
        yield problem((*path, "disks"), "no disk has an image to boot from", hint=hint)


def _disk_policy(here: Path, disk: Disk) -> Iterator[Problem]:
    if disk.allocation == "full" and disk.image is not None:
        hint = "a disk that starts from an image grows as it is written to"
        yield problem((*here, "allocation"), "a disk with an image is thin", "full", "'thin'", hint)
    if disk.io == "native" and disk.cache not in ("none", "directsync"):
        hint = "QEMU's native I/O goes past the host's page cache"
        what = "does not go with io: native"
        got = disk.cache or "none named"
        yield problem((*here, "cache"), what, got, "'none', 'directsync'", hint)
