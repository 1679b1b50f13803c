"""The engine's state -> topology: as it was after the last `up` or refresh.

Only what is named here is read from the state, so nothing secret of it gets any further.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from guesthouse.effects.units import parse
from guesthouse.placement import Plan, both_names
from guesthouse.report.events import Values, kind_of
from guesthouse.report.planned import bridge_names, bridge_wire, planned_hosts, virtual_wire
from guesthouse.report.topology import Card, Guest, Host, Nic, Wire

_GIB = 1024**3
Found = Mapping[str, Sequence[tuple[str, Values]]]


def present_hosts(resources: Iterable[Values], plan: Plan | None) -> tuple[Host, ...]:
    """Every host that the state knows. Capacity is declared only, so it is the plan's."""
    found: dict[str, list[tuple[str, Values]]] = {}
    for resource in resources:
        kind = kind_of(str(resource["type"]))
        if kind:
            values = {**resource["inputs"], **resource["outputs"]}
            found.setdefault(kind, []).append((str(resource["urn"]).rsplit("::", 1)[-1], values))
    everywhere = [v for kind in found if kind != "pool" for _, v in found[kind]]
    names = dict.fromkeys(_where(values) for values in everywhere)
    known = [*plan.hosts] if plan else []
    order = sorted(names, key=lambda n: (known.index(n) if n in known else len(known), n))
    return tuple(_host(name, found, plan) for name in order)


def _where(values: Values) -> str:
    return str(values["connection"]["name"])


def _on(found: Found, kind: str, host: str) -> list[Values]:
    return [values for _, values in found.get(kind, ()) if _where(values) == host]


def _host(name: str, found: Found, plan: Plan | None) -> Host:
    model = plan.hosts[name].host if plan and name in plan.hosts else None
    functions = _on(found, "physical function", name)
    cards = tuple(_card(values) for values in functions)
    owners = {network: str(v["name"]) for v in functions for network in v.get("networks") or ()}
    guests = _guests(_on(found, "guest", name), plan)
    wires = [
        *_bridges(name, _on(found, "host", name), plan),
        *(_network(values, owners) for values in _on(found, "network", name)),
    ]
    # Bridges and networks that exist already are in no resource of ours.
    there = {wire.key for wire in wires}
    used = dict.fromkeys(nic.wire for guest in guests for nic in guest.nics)
    wires += [_foreign(key, name, plan) for key in used if key not in there]
    return Host(
        name=name,
        memory_mib=model.memory_mib if model else None,
        vcpus=model.vcpus if model else None,
        wires=tuple(_sorted(wires, name, plan)),
        cards=cards,
        pools=tuple(_pools(name, found, plan)),
        guests=guests,
    )


def _sorted(wires: Iterable[Wire], host: str, plan: Plan | None) -> list[Wire]:
    """In the order of the plan, so that before and after look alike; those that go last."""
    after = next((h.wires for h in planned_hosts(plan) if h.name == host), ()) if plan else ()
    place = {wire.key: index for index, wire in enumerate(after)}
    return sorted(wires, key=lambda wire: place.get(wire.key, len(place)))


def _pools(host: str, found: Found, plan: Plan | None) -> Iterator[tuple[str, str]]:
    for urn, values in found.get("pool", ()):
        if urn in both_names(host, str(values.get("name"))):
            yield str(values["name"]), str((values.get("target") or {}).get("path", ""))
    for pool in plan.pools if plan else ():
        if pool.existing and pool.host == host:
            yield pool.name, pool.path


def _bridges(host: str, resources: Iterable[Values], plan: Plan | None) -> Iterator[Wire]:
    names = bridge_names(plan) if plan else {}
    for values in resources:
        for name, bridge in (values.get("bridges") or {}).items():
            network, vlan = names.get((host, name), ""), int(bridge.get("vlan") or 0)
            yield bridge_wire(name, network, str(bridge.get("nic", "")), vlan)


def _foreign(key: str, host: str, plan: Plan | None) -> Wire:
    kind, _, name = key.partition(" ")
    if kind == "bridge":
        return bridge_wire(name, (bridge_names(plan) if plan else {}).get((host, name), ""), "", 0)
    for network in plan.networks if plan else ():
        if (network.host, network.name) == (host, name):
            return virtual_wire(network)
    return Wire(key, name, "network", "exists already")


def _network(values: Values, owners: Mapping[str, str]) -> Wire:
    name, root = str(values["name"]), parse(str(values["network_xml"]))
    if name in owners:
        detail = f"virtual functions of {owners[name]}"
        return Wire(f"network {name}", name, "sriov", detail, owners[name])
    forward, ip = root.find("forward"), root.find("ip")
    kind = "isolated" if forward is None else {"route": "routed"}.get(forward.get("mode"), "nat")
    subnet = ""
    prefix = "" if ip is None else ip.get("prefix") or ip.get("netmask")
    # One that somebody defined by hand may be without.
    if prefix:
        subnet = str(ipaddress.ip_interface(f"{ip.get('address')}/{prefix}").network)
    return Wire(f"network {name}", name, kind, f"{kind} {subnet}".strip())


def _card(values: Values) -> Card:
    fixed = (int(number) for number, vf in values["vfs"].items() if "vlan" in vf)
    select = " ".join(map(str, values["select"].values()))
    total = int(values["virtual_functions"])
    return Card(str(values["name"]), select, total, tuple(sorted(fixed)))


def _guests(resources: Iterable[Values], plan: Plan | None) -> tuple[Guest, ...]:
    """In the order of the plan, those that go last."""
    order = [*plan.guests] if plan else []
    place = {name: index for index, name in enumerate(order)}
    guests = map(_guest, resources)
    return tuple(sorted(guests, key=lambda g: (place.get(g.name, len(place)), g.name)))


def _guest(values: Values) -> Guest:
    root = parse(str(values["domain_xml"]))
    # currentMemory and `current` are what it has now; the other ones are what it may grow to.
    memory_kib = root.findtext("currentMemory") or root.findtext("memory") or "0"
    vcpu = root.find("vcpu")
    vcpus = "0" if vcpu is None else vcpu.get("current") or vcpu.text
    return Guest(
        name=str(values["name"]),
        vcpus=int(vcpus),
        memory_mib=int(memory_kib) // 1024,
        power=str(values.get("power", "")),
        disks=tuple(
            (str(d["name"]), f"{int(d['size_bytes']) / _GIB:g}", str(d["pool"]))
            for d in values.get("disks") or ()
        ),
        nics=tuple(_nics(root, values.get("nics") or ())),
        devices=tuple(str(device["name"]) for device in values.get("devices") or ()),
    )


def _nics(root: Any, nics: Sequence[Values]) -> Iterator[Nic]:
    known = {str(nic["mac"]).lower(): nic for nic in nics}
    for interface in root.findall("devices/interface"):
        mac, source = interface.find("mac"), interface.find("source")
        if source is None:
            continue
        address = "" if mac is None else str(mac.get("address")).lower()
        nic = known.get(address, {"name": address})
        bridge = source.get("bridge")
        wire = f"bridge {bridge}" if bridge else f"network {source.get('network', '')}"
        tag = interface.find("vlan/tag")
        label = str(nic.get("address") or ("DHCP" if nic.get("dhcp") else ""))
        yield Nic(str(nic["name"]), wire, label, 0 if tag is None else int(tag.get("id")))
