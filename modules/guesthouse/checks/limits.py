"""Checks of limits: CPU of a guest, operations and bytes of a disk, rates of a NIC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from guesthouse.checks.check import Check, Ground
from guesthouse.checks.domain import both
from guesthouse.facts.guest import Shape
from guesthouse.placement import DiskPlan, GuestPlan, NicPlan

MIB = 1024**2
# 1 Mbit/s in libvirt's kilobytes of 1000 bytes a second.
KB_PER_MBIT = 125


def of_guest(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    """Weight and limit of a guest's CPU time."""

    def percent(shape: Shape) -> str:
        return _limit(shape.cpu_limit_percent, "% of one CPU")

    wanted = _limit(guest.cpu_limit_percent, "% of one CPU")
    what = "guest has its CPU limit"
    yield ground.check("cpu_limit_percent", what, wanted, partial(both, guest, percent, wanted))
    look = partial(both, guest, lambda s: s.cpu_shares or 100, guest.cpu_shares or 100)
    yield ground.check("cpu_shares", "guest has its CPU weight", guest.cpu_shares or 100, look)


def of_disk(ground: Ground, guest: GuestPlan, disk: DiskPlan) -> Iterator[Check]:
    """Limits of one disk."""

    def iops(shape: Shape) -> str:
        found = shape.disk(disk.path)
        return _limit(found.max_iops if found else 0, "/s")

    def rate(shape: Shape) -> str:
        found = shape.disk(disk.path)
        return _limit(found.max_bytes_per_s / MIB if found else 0, "MiB/s")

    path = f"disks.{disk.name}"
    needs = (ground.id(path),)
    rows: tuple[tuple[str, str, Callable[[Shape], object]], ...] = (
        ("max_iops", _limit(disk.max_iops, "/s"), iops),
        ("max_mib_per_s", _limit(disk.max_mib_per_s, "MiB/s"), rate),
    )
    for name, wanted, of in rows:
        look = partial(both, guest, of, wanted)
        yield ground.check(f"{path}.{name}", "disk has its limit", wanted, look, needs=needs)


def of_nic(ground: Ground, guest: GuestPlan, nic: NicPlan) -> Iterator[Check]:
    """Limits of one NIC."""

    def receives(shape: Shape) -> str:
        found = shape.nics.get(nic.mac)
        return _limit(found.max_rx_kb_per_s / KB_PER_MBIT if found else 0, "Mbit/s")

    def sends(shape: Shape) -> str:
        found = shape.nics.get(nic.mac)
        return _limit(found.max_tx_kb_per_s / KB_PER_MBIT if found else 0, "Mbit/s")

    path = f"nics.{nic.name}"
    needs = (ground.id(f"{path}.mac"),)
    rows: tuple[tuple[str, str, Callable[[Shape], object]], ...] = (
        ("max_rx_mbps", _limit(nic.max_rx_mbps, "Mbit/s"), receives),
        ("max_tx_mbps", _limit(nic.max_tx_mbps, "Mbit/s"), sends),
    )
    for name, wanted, of in rows:
        look = partial(both, guest, of, wanted)
        yield ground.check(f"{path}.{name}", "NIC has its limit", wanted, look, needs=needs)


def _limit(value: float, unit: str) -> str:
    return f"{value:g} {unit}" if value else "none"
