"""Checks of the host's devices that a guest gets: in its domain, in a driver for guests, alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need, words
from guesthouse.checks.domain import both
from guesthouse.facts.guest import Shape
from guesthouse.facts.pci import VFIO, PciFact
from guesthouse.placement import DevicePlan, GuestPlan


def checks(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    """Every check of one guest's devices. What no running guest has is in no particular state."""
    for device in guest.devices:
        look = partial(both, guest, partial(_place, device.name), device.place)
        yield ground.check(f"devices.{device.name}", "guest has this device", device.place, look)
        if guest.power != "stopped":
            yield from (
                _mediated(ground, guest, device) if device.parent else _pci(ground, guest, device)
            )
    names = {device.name for device in guest.devices}
    needs = tuple(ground.id(f"devices.{name}") for name in names)
    look = partial(both, guest, lambda shape: tuple(n for n in shape.devices if n not in names), ())
    yield ground.check("devices", "guest has no other devices of its host", (), look, needs=needs)


def _place(name: str, shape: Shape) -> str:
    return shape.devices.get(name, "")


def _pci(ground: Ground, guest: GuestPlan, device: DevicePlan) -> Iterator[Check]:
    path, given = f"devices.{device.name}", {item.pci_address for item in guest.devices}

    def fact(facts: SiteFacts) -> PciFact | None:
        return need(facts.host(guest.host).pci).pci.get(device.pci_address)

    def driver(facts: SiteFacts) -> Seen:
        found = fact(facts)
        return equal(VFIO, found.driver) if found else Seen(False, "no such device")

    def alone(facts: SiteFacts) -> Seen:
        found = fact(facts)
        if found is None:
            raise Unanswered("no such device")
        others = found.shared_with(given)
        text = f"shared by {words(others)}" if others else "a group of its own"
        return Seen(bool(found.iommu_group) and not others, text if found.iommu_group else "none")

    there = (ground.id(path),)
    what = "the host leaves it to the guest"
    yield ground.check(path, what, VFIO, driver, aspect="driver", needs=there)
    what, needs = "it shares its IOMMU group with bridges only", (ground.id(path, "driver"),)
    wanted = "a group of its own"
    yield ground.check(path, what, wanted, alone, aspect="iommu_group", needs=needs)


def _mediated(ground: Ground, guest: GuestPlan, device: DevicePlan) -> Iterator[Check]:
    path = f"devices.{device.name}"

    def made(facts: SiteFacts) -> Seen:
        found = need(facts.host(guest.host).pci).mdevs.get(device.mdev_uuid)
        text = f"{found.mdev_type} on {found.parent}" if found else "no such device"
        return Seen(text == wanted, text)

    wanted, there = f"{device.mdev_type} on {device.parent}", (ground.id(path),)
    what = "it is of this type and parent"
    yield ground.check(path, what, wanted, made, aspect="mdev", needs=there)
