"""Running guests' NICs on virtual functions: who has one, pulled out and put back.

What was pulled out is written down on the host first, so that the next run puts back what one
that died in between left out.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import libvirt

from guesthouse.effects.units import Element, Key, parse, serialise, units
from guesthouse.errors import MachineError, Problem
from guesthouse.facts.sriov import pci_of
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import guest_nics
from guesthouse.provider.domain import find, stored
from guesthouse.provider.ownership import REGISTRY, quoted, write_whole
from guesthouse.provider.plugs import ENDED, LIVE
from guesthouse.provider.resource import Call, Values

# A guest lets go of a device when it gets to it; under emulation that takes a while.
UNPLUG_TIMEOUT_S = 120


@dataclass(frozen=True)
class VfPlug:
    """A running guest's NIC on a virtual function; ``xml`` plugs it in."""

    guest: str
    uuid: str
    mac: str
    pci_address: str
    xml: str


def held(handle: libvirt.virConnect, places: Collection[str]) -> list[VfPlug]:
    """The NICs on the virtual functions at these PCI addresses, of whomever the guests are."""
    found = []
    for domain in handle.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
        definition: Mapping[Key, Element] = {}
        for key, nic in _running(domain).items():
            source = nic.find("source/address") if key[1:2] == ("interface",) else None
            if source is None or pci_of(source.attrib) not in places:
                continue
            definition = definition or units(parse(stored(domain)))
            xml = _plain(definition.get(key, nic))
            plug = VfPlug(domain.name(), domain.UUIDString(), key[-1], pci_of(source.attrib), xml)
            found.append(plug)
    return found


def _running(domain: libvirt.virDomain) -> Mapping[Key, Element]:
    try:
        return units(parse(domain.XMLDesc(0)))
    except libvirt.libvirtError as error:
        if error.get_error_code() in ENDED:
            return {}
        raise


def _plain(nic: Element) -> str:
    """A NIC without what libvirt gave it when it was plugged in."""
    nic = copy.deepcopy(nic)
    for name in ("alias", "address", "target"):
        for child in nic.findall(name):
            nic.remove(child)
    return serialise(nic)


def guests(plugs: Sequence[VfPlug]) -> list[str]:
    """Their guests' names."""
    return sorted({plug.guest for plug in plugs})


@contextmanager
def unplugged(
    call: Call, host: HostConnection, key: str, plugs: Sequence[VfPlug], nics: Sequence[Values]
) -> Iterator[None]:
    """The block runs while these NICs, and those that an earlier run left out, are pulled out.

    ``key`` is the resource's UUID; ``nics`` are declared NICs, configured in their guests again.
    Raises MachineError with all that could not be put back; after an error of the block, says so.
    """
    out = {(plug.uuid, plug.mac): plug for plug in (*left_out(host, key), *plugs)}
    if out:
        _write(host, key, list(out.values()))
        call.say(f"pulled out for a moment: {', '.join(guests(list(out.values())))}")
    try:
        for plug in plugs:
            _pull(host.libvirt, plug)
        yield
    except BaseException:
        for problem in _put_all(call, host, key, list(out.values()), nics):
            call.say(str(problem))
        raise
    problems = _put_all(call, host, key, list(out.values()), nics)
    if problems:
        raise MachineError(*problems)


def put_back(call: Call, host: HostConnection, key: str, nics: Sequence[Values]) -> None:
    """Put back what an earlier run left out, when nothing else is to be done."""
    with unplugged(call, host, key, (), nics):
        pass


def left_out(host: HostConnection, key: str) -> list[VfPlug]:
    """What a run that died has pulled out and not put back."""
    text = host.root(f"cat -- {_path(key)} 2>/dev/null || true")
    return [VfPlug(**values) for values in json.loads(text or "[]")]


def _write(host: HostConnection, key: str, plugs: Sequence[VfPlug]) -> None:
    write_whole(host, _path(key), json.dumps([asdict(plug) for plug in plugs]).encode())


def _path(key: str) -> str:
    return quoted(f"{REGISTRY}/{key}.unplugged.json")


def _nic(domain: libvirt.virDomain, mac: str) -> Element | None:
    return units(parse(domain.XMLDesc(0))).get(("devices", "interface", mac))


def _pull(handle: libvirt.virConnect, plug: VfPlug) -> None:
    domain = find(handle, plug.uuid)
    nic = _nic(domain, plug.mac) if domain is not None and domain.isActive() else None
    if domain is None or nic is None:
        return
    domain.detachDeviceFlags(serialise(copy.deepcopy(nic)), LIVE)
    deadline, pause_s = time.monotonic() + UNPLUG_TIMEOUT_S, 0.05
    while domain.isActive() and _nic(domain, plug.mac) is not None:
        if time.monotonic() > deadline:
            what = f"does not let go of its NIC {plug.mac} within {UNPLUG_TIMEOUT_S} s"
            hint = "its system must answer requests to unplug; `up` tries again"
            raise MachineError(Problem(f"guest {plug.guest}", what, hint=hint))
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _put_all(
    call: Call, host: HostConnection, key: str, plugs: Sequence[VfPlug], nics: Sequence[Values]
) -> list[Problem]:
    problems = [problem for plug in plugs if (problem := _put(call, host, plug, nics))]
    if plugs and not problems:
        host.root(f"rm -f -- {_path(key)}")
    return problems


def _put(call: Call, host: HostConnection, plug: VfPlug, nics: Sequence[Values]) -> Problem | None:
    domain = find(host.libvirt, plug.uuid)
    if domain is None:
        return None
    try:
        if not domain.isActive() or _nic(domain, plug.mac) is not None:
            # It ended by itself meanwhile, or never let go.
            return None
        domain.attachDeviceFlags(plug.xml, LIVE)
    except libvirt.libvirtError as error:
        if not domain.isActive():
            return None
        said = str(error.get_error_message())
        hint = "`up` tries again"
        return Problem(f"guest {plug.guest}", f"its NIC {plug.mac} is not back", said, hint=hint)
    guest_nics.configure(call, domain, nics, {plug.mac})
    return None
