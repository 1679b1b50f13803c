"""A host's bridges: seen in the words of the inputs, changed under running guests, awaited.

A bridge and the taps of the guests on it stay as they are; only its uplink is exchanged: the NIC,
or a VLAN device on it (https://www.freedesktop.org/software/systemd/man/systemd.netdev.html).
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.facts import host as facts
from guesthouse.facts.question import ask
from guesthouse.machine.connections import HostConnection

# networkd needs a moment to make a bridge and give it its address; emulated hosts need more.
BRIDGE_TIMEOUT_S = 60

Bridge = Mapping[str, Any]
Bridges = Mapping[str, Bridge]


def seen_bridges(host: HostConnection, wanted: Bridges) -> dict[str, dict[str, Any]]:
    """The wanted bridges that are there: the declared value where it holds, else what is there."""
    found = ask(host.run, facts.bridges(wanted))
    return {name: _seen(found[name], wanted[name]) for name in wanted if name in found}


def _seen(fact: facts.BridgeFact, wanted: Bridge) -> dict[str, Any]:
    address, nic, vlan = wanted["address"], wanted["nic"], wanted.get("vlan", 0)
    # Every VLAN of this NIC on the bridge; 0 is the NIC itself.
    uplinks = {item.id: name for name, item in fact.vlans.items() if item.nic == nic}
    if nic in fact.members:
        uplinks[0] = nic
    others = [number for number in uplinks if number != vlan]
    seen_vlan = others[0] if others else vlan
    seen = {
        "nic": nic if uplinks else "",
        "address": address if address in fact.addresses else next(iter(fact.addresses), ""),
    }
    if vlan or seen_vlan:
        seen |= {"vlan": seen_vlan, "uplink": uplinks.get(seen_vlan, "")}
    return seen


def bridge_file(name: str) -> str:
    """The file of a bridge in networkd's folder (render/host.py)."""
    return f"/etc/systemd/network/10-guesthouse-{name}.netdev"


def unplug(old: Bridges, new: Bridges) -> Iterator[str]:
    """Shell lines that take away bridges and uplinks that are not wanted any more. They run before
    the new ones come: two VLANs never meet on one bridge."""
    for name in sorted(set(old) - set(new)):
        yield remove(name)
    kept = {_uplink(bridge) for bridge in new.values()}
    for name, bridge in old.items():
        uplink = _uplink(bridge)
        if not uplink or uplink in kept:
            continue
        if bridge.get("vlan"):
            yield remove(uplink)
        elif name in new:
            quoted = shlex.quote(uplink)
            yield f"! test -e /sys/class/net/{quoted} || ip link set dev {quoted} nomaster"


def remove(name: str) -> str:
    """Shell text that removes a device, if it is there."""
    quoted = shlex.quote(name)
    return f"! test -e /sys/class/net/{quoted} || ip link delete dev {quoted}"


def commands(wanted: Bridges, before: Bridges, files_changed: bool) -> Iterator[str]:
    """Shell lines that make networkd carry its files out."""
    if files_changed:
        yield "networkctl reload"
    different = {name: b for name, b in wanted.items() if before.get(name) != b}
    if set(different) - set(before) and not files_changed:
        yield "systemctl restart systemd-networkd.service"
    for name, bridge in different.items():
        seen = before.get(name, {})
        stray = seen.get("uplink", "")
        if stray and stray not in (bridge["nic"], bridge.get("uplink")):
            yield remove(stray)
        if bridge.get("vlan") and seen.get("vlan") == 0:
            nic = shlex.quote(bridge["nic"])
            untagged = [b for b in wanted.values() if b["nic"] == bridge["nic"]]
            if all(b.get("vlan") for b in untagged):
                yield f"ip link set dev {nic} nomaster"
    links = [link for name, bridge in different.items() for link in (name, bridge["nic"]) if link]
    # The NIC first makes its VLAN devices, then these find their bridge. One that is not there
    # yet comes with the reload.
    links += [bridge["uplink"] for bridge in different.values() if bridge.get("uplink")]
    for link in dict.fromkeys(links):
        quoted = shlex.quote(link)
        yield f"! test -e /sys/class/net/{quoted} || networkctl reconfigure {quoted}"


def refuse_cut_off(host: HostConnection, before: Bridges, wanted: Bridges) -> None:
    """Raise RefusedError when the address that we reach the host by would lose its wire."""
    found = ask(host.run, facts.way_in())
    kept = {bridge["address"] for bridge in wanted.values()}
    for name, bridge in wanted.items():
        seen = before.get(name)
        moves = seen is not None and _uplink(seen) != _uplink(bridge) and bool(seen["nic"])
        if found.interface == name and moves:
            what = f"carries the address that the host is reached by ({found.address})"
            hint = "change its NIC and VLAN at the host's console, or reach the host another way"
        elif found.interface and found.interface == bridge["nic"] and found.address not in kept:
            what = f"its NIC has the address that the host is reached by ({found.address})"
            own = f"hosts.{host.name}.bridges.{name}.address: {found.address}"
            hint = f"take another NIC, or let the bridge have the address: {own}"
        else:
            continue
        where = f"host {host.name} bridge {name}"
        raise RefusedError(Problem(where, what, hint=hint))


def wait_for_bridges(host: HostConnection, wanted: Bridges) -> None:
    """Until all are as declared; raises MachineError with those that are not in time."""
    deadline = time.monotonic() + BRIDGE_TIMEOUT_S
    while True:
        seen = seen_bridges(host, wanted)
        missing = {name: seen.get(name) for name in wanted if seen.get(name) != wanted[name]}
        if not missing:
            return
        if time.monotonic() > deadline:
            raise MachineError(
                *(
                    Problem(
                        f"host {host.name} bridge {name}",
                        f"not as declared after {BRIDGE_TIMEOUT_S} s",
                        got=str(state or "no such bridge"),
                        allowed=str(wanted[name]),
                        hint=f"on the host: networkctl status {name}",
                    )
                    for name, state in missing.items()
                )
            )
        time.sleep(1)


def _uplink(bridge: Bridge) -> str:
    return str(bridge.get("uplink") or bridge["nic"])
