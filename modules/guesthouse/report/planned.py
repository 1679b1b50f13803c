"""Plan -> topology: as it will be."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.placement import GuestPlan, NetworkPlan, NicPlan, Plan
from guesthouse.report.topology import Card, Guest, Host, Nic, Wire

_GIB = 1024**3


def planned_hosts(plan: Plan) -> tuple[Host, ...]:
    """Every host of the plan with all that is on it."""
    return tuple(_host(plan, name) for name in plan.hosts)


def bridge_names(plan: Plan) -> dict[tuple[str, str], str]:
    """(host, bridge) -> the name of the network that it is to guests."""
    return {
        (guest.host, nic.bridge): nic.network
        for guest in plan.guests.values()
        for nic in guest.nics
        if nic.bridge
    }


def _host(plan: Plan, name: str) -> Host:
    model = plan.hosts[name].host
    guests = [guest for guest in plan.guests.values() if guest.host == name]
    return Host(
        name=name,
        memory_mib=model.memory_mib,
        vcpus=model.vcpus,
        wires=(*_bridges(plan, name), *_networks(plan, name)),
        cards=tuple(
            Card(
                key,
                " ".join(function.select.values()),
                function.virtual_functions,
                tuple(sorted(function.fixed)),
            )
            for key, function in model.physical_functions.items()
        ),
        pools=tuple((pool.name, pool.path) for pool in plan.pools if pool.host == name),
        guests=tuple(_guest(guest) for guest in guests),
    )


def bridge_wire(name: str, network: str, nic: str, vlan: int) -> Wire:
    """A bridge; ``network`` is its name to guests, ``nic`` its member."""
    uplink = f"{nic} VLAN {vlan}" if vlan else nic
    detail = f"bridge {name}, {uplink}" if uplink else f"bridge {name}"
    return Wire(f"bridge {name}", network or name, "bridge", detail)


def virtual_wire(network: NetworkPlan) -> Wire:
    """A libvirt network with its own bridge."""
    detail = f"{network.kind} {network.subnet}"
    return Wire(f"network {network.name}", network.name, network.kind, detail)


def _bridges(plan: Plan, host: str) -> Iterator[Wire]:
    names, declared = bridge_names(plan), plan.hosts[host].host.bridges
    for name, bridge in declared.items():
        yield bridge_wire(name, names.get((host, name), ""), bridge.nic or "", bridge.vlan or 0)
    for (where, name), network in names.items():
        if where == host and name not in declared:
            yield bridge_wire(name, network, "", 0)


def _networks(plan: Plan, host: str) -> Iterator[Wire]:
    for network in plan.networks:
        if network.host == host:
            yield virtual_wire(network)
    for pool in plan.vf_networks:
        if pool.host == host:
            function = pool.physical_function
            detail = f"virtual functions of {function}"
            yield Wire(f"network {pool.name}", pool.name, "sriov", detail, function)


def _guest(plan: GuestPlan) -> Guest:
    return Guest(
        name=plan.name,
        vcpus=plan.vcpus,
        memory_mib=plan.memory_mib,
        power=plan.power,
        disks=tuple((d.name, f"{d.size_bytes / _GIB:g}", d.pool) for d in plan.disks),
        nics=tuple(_nic(nic) for nic in plan.nics),
        devices=tuple(device.name for device in plan.devices),
    )


def _nic(plan: NicPlan) -> Nic:
    wire = f"bridge {plan.bridge}" if plan.bridge else f"network {plan.libvirt_network}"
    return Nic(plan.name, wire, plan.address or ("DHCP" if plan.dhcp else ""), plan.vlan)
