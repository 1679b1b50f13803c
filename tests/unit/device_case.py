"""The host's devices of the checks' site: facts as declared, and each of them broken."""

from __future__ import annotations

from typing import Any

from guesthouse.facts.pci import DevicesFact, MdevFact, Neighbour, PciFact
from guesthouse.placement import GuestPlan, Plan

GPU = "0000:03:00.0"
DEVICES: dict[str, Any] = {
    "gpu0": {"h1": GPU},
    "sound": {"h1": "0000:03:00.1"},
    "vgpu": {"h1": {"mdev": "nvidia-63", "parent": "0000:04:00.0"}},
}
BRIDGE = Neighbour("0000:00:1c.0", "pcieport", "8086:a338", "060400")
OTHER = Neighbour("0000:03:00.2", "xhci_hcd", "10de:1ad6", "0c0330")


def device_facts(guests: list[GuestPlan]) -> DevicesFact:
    """A card with two functions in one group with their bridge, and mediated devices."""
    devices = [device for guest in guests for device in guest.devices]
    addresses = [device.pci_address for device in devices if device.pci_address]
    functions = [Neighbour(address, "vfio-pci", "10de:1eb8", "030000") for address in addresses]
    return DevicesFact(
        {
            address: PciFact(
                address,
                "vfio-pci",
                "7",
                "10de:1eb8",
                "030000",
                neighbours=(BRIDGE, *(f for f in functions if f.pci_address != address)),
            )
            for address in addresses
        },
        {d.mdev_uuid: MdevFact(d.mdev_type, d.parent) for d in devices if d.parent},
    )


def rows(plan: Plan, gone: object) -> tuple[tuple[str, tuple[str, ...], Any], ...]:
    """Check, the place of a fact, and what breaks it, as in test_checks_mutation."""
    base, host = "h1: guests.web.devices", ("hosts", "h1")
    domain, fact = (*host, "hypervisor", "domains", "web"), (*host, "pci", "pci")
    (uuid,) = (d.mdev_uuid for d in plan.guests["web"].devices if d.parent)
    mdev = (*host, "pci", "mdevs", uuid)
    return (
        *(
            (f"{base}.{device.name}", (*domain, side, "devices", device.name), to)
            for device in plan.guests["web"].devices
            for side in ("config", "live")
            for to in (gone, "0000:09:00.0")
        ),
        *((base, (*domain, side, "devices", "0000:09:00.0"), "x") for side in ("config", "live")),
        *(
            (f"{base}.{device.name} {aspect}", (*fact, device.pci_address, *path), to)
            for device in plan.guests["web"].devices
            if device.pci_address
            for aspect, path, to in (
                ("driver", (), gone),
                ("driver", ("driver",), "nouveau"),
                ("iommu_group", ("iommu_group",), ""),
                ("iommu_group", ("neighbours",), (BRIDGE, OTHER)),
            )
        ),
        (f"{base}.vgpu mdev", mdev, gone),
        (f"{base}.vgpu mdev", (*mdev, "mdev_type"), "nvidia-64"),
        (f"{base}.vgpu mdev", (*mdev, "parent"), "0000:05:00.0"),
    )
