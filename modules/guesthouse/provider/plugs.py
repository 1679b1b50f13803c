"""The running guests' plugs in a network: who has one, and putting them back after a bounce.

A network that is stopped takes its bridge along. The taps of the guests stay, plugged in nowhere,
and libvirt does not put them back by itself.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import libvirt

from guesthouse.effects.units import Element, parse, serialise
from guesthouse.errors import MachineError, Problem
from guesthouse.machine.connections import HostConnection
from guesthouse.provider.ownership import quoted

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
PULLED_S = 2.0
# What libvirt says of a guest that has ended just now.
ENDED = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID)


@dataclass(frozen=True)
class Plug:
    """A running guest's NIC: its tap on the host, and its element in the running document."""

    guest: str
    tap: str
    xml: str
    domain: libvirt.virDomain


def plugs(handle: libvirt.virConnect, network: str) -> list[Plug]:
    """Every plug in the network, of whomever the guests are."""
    found = []
    for domain in handle.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
        try:
            root = parse(domain.XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() in ENDED:
                continue
            raise
        for nic in root.findall("devices/interface"):
            source, target = nic.find("source"), nic.find("target")
            if source is not None and source.get("network") == network:
                tap = "" if target is None else target.get("dev", "")
                found.append(Plug(domain.name(), tap, serialise(copy.deepcopy(nic)), domain))
    return found


def guests(found: Sequence[Plug]) -> list[str]:
    """Their guests' names."""
    return sorted({plug.guest for plug in found})


def plug_in(host: HostConnection, bridge: str, found: Sequence[Plug]) -> None:
    """Put the taps on the bridge at once, then pull and push each guest's cable.

    The second half makes libvirt book the plug anew, and the guest's system ask DHCP again.
    """
    if host.is_test or not found:
        return  # guests of the test driver have no taps
    taps = [plug.tap for plug in found if plug.tap]
    if taps:
        master = quoted(bridge)
        host.root(
            "; ".join(
                f"ip link set dev {quoted(tap)} master {master} || bad={quoted(tap)}"
                for tap in taps
            )
            + '; test -z "$bad" || { echo "$bad is not plugged in" >&2; exit 1; }'
        )
    problems: list[Problem | None] = []
    try:
        problems += [_renewed(plug, pulled=True) for plug in found]
        # A guest that looks only when its cable is back sees no change, and asks nobody.
        time.sleep(PULLED_S)
    finally:
        problems += [_renewed(plug, pulled=False) for plug in found]
    told = [problem for problem in dict.fromkeys(problems) if problem]
    if told:
        raise MachineError(*told)


def _renewed(plug: Plug, pulled: bool) -> Problem | None:
    """Book the plug anew, its cable pulled or as it was."""
    nic = parse(plug.xml)
    source = nic.find("source")
    # What the last plugging gave it.
    for name in ("portid", "bridge"):
        source.attrib.pop(name, None)
    if pulled:
        for link in nic.findall("link"):
            nic.remove(link)
        _insert_link_down(nic)
    try:
        plug.domain.updateDeviceFlags(serialise(nic), LIVE)
    except libvirt.libvirtError as error:
        if error.get_error_code() in ENDED:
            return None
        said = str(error.get_error_message())
        hint = "its tap is on the bridge; restart the guest if it has no network"
        return Problem(f"guest {plug.guest}", "its NIC was not plugged anew", said, hint=hint)
    return None


def _insert_link_down(nic: Element) -> None:
    link = parse("<link state='down'/>")
    model = nic.find("model")
    if model is None:
        nic.append(link)
    else:
        model.addnext(link)
