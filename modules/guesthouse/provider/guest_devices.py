"""Devices of the host for a guest: whether it may have them, and mediated ones made and removed.

libvirt binds a PCI device to vfio-pci as the guest gets it and gives it back to its driver later
(https://libvirt.org/formatdomain.html#host-device-assignment). Mediated devices are made by sysfs
(https://docs.kernel.org/driver-api/vfio-mediated-device.html); a reboot of the host forgets them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from guesthouse.effects.units import parse, units
from guesthouse.errors import GuesthouseError, MachineError, Problem, RefusedError
from guesthouse.facts import pci
from guesthouse.facts.pci import DevicesFact, PciFact
from guesthouse.facts.question import ask
from guesthouse.machine.connections import HostConnection
from guesthouse.provider.ownership import quoted
from guesthouse.provider.resource import Call, Values

Device = Mapping[str, str]
_BUS = "/sys/bus/mdev/devices"


def look_ahead(host: HostConnection, inputs: Values, seen: Values | None = None) -> None:
    """In a preview: refuse what `up` would. A host that does not answer yet is asked by `up`."""
    with suppress(MachineError):
        _checked(host, inputs, seen)


def prepare(call: Call, host: HostConnection, inputs: Values, seen: Values | None = None) -> None:
    """Before a guest is made or changed: raise RefusedError for every device that it cannot have,
    make the mediated ones. ``seen`` is what it is now; what it has while it runs is not asked."""
    for device in _checked(host, inputs, seen):
        call.say(f"{inputs['name']}: device {device['name']}")
        folder = f"/sys/bus/pci/devices/{device['parent']}/mdev_supported_types"
        create = quoted(f"{folder}/{device['mdev_type']}/create")
        host.root(f"echo {quoted(device['mdev_uuid'])} > {create}")


def forget(host: HostConnection, old: Values, new: Values | None = None) -> None:
    """Remove the mediated devices of ``old`` that ``new`` does not have; no guest uses them."""
    kept = {device["mdev_uuid"] for device in (new or {}).get("devices") or ()}
    uuids = {device["mdev_uuid"] for device in old.get("devices") or ()} - kept - {""}
    if uuids and not host.is_test:
        paths = [quoted(f"{_BUS}/{uuid}/remove") for uuid in sorted(uuids)]
        host.root("; ".join(f"[ ! -e {path} ] || echo 1 > {path}" for path in paths))


@contextmanager
def moved(host: HostConnection, old: Values, new: Values) -> Iterator[None]:
    """Around a restart: what only the guest as it was had is forgotten at the end; when the restart
    was taken back, what only the new one should have had."""
    try:
        yield
    except GuesthouseError:
        forget(host, new, old)
        raise
    forget(host, old, new)


def _checked(host: HostConnection, inputs: Values, seen: Values | None) -> list[Device]:
    """The mediated devices that are to be made."""
    devices: list[Device] = list(inputs.get("devices") or ())
    held = _held(seen)
    asked = [d for d in devices if (d["pci_address"] or d["mdev_uuid"]) not in held]
    if host.is_test or not asked:
        return []
    addresses = [d["pci_address"] or d["parent"] for d in asked]
    found = ask(host.run, pci.devices(addresses, [d["mdev_uuid"] for d in asked if d["parent"]]))
    given = {d["pci_address"] for d in devices}
    missing = [d for d in asked if d["parent"] and d["mdev_uuid"] not in found.mdevs]
    problems = list(_problems(host.name, str(inputs["name"]), asked, missing, given, found))
    if problems:
        raise RefusedError(*problems)
    return missing


def _held(seen: Values | None) -> set[str]:
    """Places of the devices that a running guest has."""
    if seen is None or seen["power"] == "stopped":
        return set()
    running = units(parse(seen.get("running_xml") or seen["domain_xml"]))
    return {key[2] for key in running if key[:2] == ("devices", "hostdev") and len(key) > 2}


def _problems(
    host: str,
    guest: str,
    asked: list[Device],
    missing: list[Device],
    given: Collection[str],
    found: DevicesFact,
) -> Iterator[Problem]:
    wanted = Counter((d["parent"], d["mdev_type"]) for d in missing)
    for device in asked:
        where, address = f"guest {guest} device {device['name']}", device["pci_address"]
        fact = found.pci.get(address or device["parent"])
        if fact is None:
            what = "is not on host" if address else "its parent is not on host"
            hint = f"list them there: lspci -D; then mend devices.{device['name']}.{host}"
            yield Problem(where, f"{what} '{host}'", address or device["parent"], hint=hint)
        elif address:
            yield from _of_pci(where, fact, given)
        elif device in missing:
            yield from _of_mdev(where, fact, device["mdev_type"], wanted)


def _of_pci(where: str, fact: PciFact, given: Collection[str]) -> Iterator[Problem]:
    others = fact.shared_with(given)
    if fact.uses:
        hint = "take it out of the host's use first, or map another device"
        yield Problem(where, "the host itself uses it", ", ".join(fact.uses), hint=hint)
    if fact.vfs:
        what = "a physical function cannot be given away while it has virtual functions"
        yield Problem(
            where, what, f"{fact.vfs} of them", hint="take them away, or give one of them"
        )
    if not fact.iommu_group:
        what = "has no IOMMU group, so no guest can have it"
        hint = (
            "switch on VT-d or AMD-Vi in the host's firmware, and boot it with intel_iommu=on or "
            "amd_iommu=on"
        )
        yield Problem(where, what, fact.pci_address, hint=hint)
    elif others:
        what = f"shares IOMMU group {fact.iommu_group} with devices that the guest does not get"
        hint = "give them all to this guest, or put the card into another slot"
        yield Problem(where, what, ", ".join(map(str, others)), hint=hint)


def _of_mdev(
    where: str, fact: PciFact, mdev_type: str, wanted: Mapping[tuple[str, str], int]
) -> Iterator[Problem]:
    parent = fact.pci_address
    if mdev_type not in fact.mdev_types:
        allowed = ", ".join(sorted(fact.mdev_types)) or "none"
        hint = "" if fact.mdev_types else f"its driver makes them: {fact.driver or 'it has none'}"
        yield Problem(where, f"its parent {parent} has no such type", mdev_type, allowed, hint)
    elif (left := fact.mdev_types[mdev_type]) < wanted[parent, mdev_type]:
        what = f"its parent {parent} has not enough devices of type {mdev_type} left"
        hint = "take one from a guest first, or map another type or parent"
        yield Problem(where, what, str(left), f"at least {wanted[parent, mdev_type]}", hint)
