"""What addresses must be: inside their subnet, and each on one machine only. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache

from guesthouse.errors import Problem
from guesthouse.model import dhcp
from guesthouse.model.guest import Nic
from guesthouse.model.network import VirtualNetwork
from guesthouse.model.reach import Reach
from guesthouse.model.site import Site

Path = tuple[str, ...]
Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
_subnet = lru_cache(4096)(ipaddress.ip_network)


def problems(site: Site, reach: Reach) -> Iterator[Problem]:
    """Everything that is wrong with subnets, addresses and MACs."""
    yield from dhcp.problems(site)
    yield from _overlaps(site, reach)
    yield from _claims(site, reach)
    for guest_name, guest in site.guests.items():
        for nic_name, nic in guest.nics.items():
            path = ("guests", guest_name, "nics", nic_name)
            network = site.networks.get(nic.network)
            if isinstance(network, VirtualNetwork) and nic.address:
                yield from _inside(path, nic.address, nic.network, network)
            if nic.gateway:
                yield from _gateway(path, nic, nic.gateway)


def _problem(path: Path, what: str, got: str, allowed: str = "", hint: str = "") -> Problem:
    return Problem(".".join(path), what, repr(got), allowed, hint, path)


def _inside(path: Path, address: str, name: str, network: VirtualNetwork) -> Iterator[Problem]:
    """A NIC's static address on a virtual network."""
    subnet = _subnet(network.subnet)
    interface = ipaddress.ip_interface(address)
    path = (*path, "address")
    if interface.ip not in subnet:
        what = f"is outside the subnet of network '{name}'"
        yield _problem(path, what, address, network.subnet)
    elif interface.network != subnet:
        what = f"has another prefix length than network '{name}'"
        yield _problem(path, what, address, f"{interface.ip}/{subnet.prefixlen}")
    elif interface.ip == subnet[1]:
        yield _problem(path, f"is the host's own address on network '{name}'", address)


def _gateway(path: Path, nic: Nic, gateway: str) -> Iterator[Problem]:
    path = (*path, "gateway")
    if nic.address is None:
        hint = "declare 'address' too, or leave both to DHCP"
        yield _problem(path, "a gateway needs an address of the NIC's own", gateway, hint=hint)
        return
    interface, address = ipaddress.ip_interface(nic.address), ipaddress.ip_address(gateway)
    if address == interface.ip:
        yield _problem(path, "is the NIC's own address", gateway)
    # A router may be known by its link-local address only (RFC 4861).
    elif address not in interface.network and not (address.version == 6 and address.is_link_local):
        what = "is outside the subnet of the NIC's address"
        yield _problem(path, what, gateway, str(interface.network))


def _claims(site: Site, reach: Reach) -> Iterator[Problem]:
    """Addresses and MACs that two have: the second one is told who is the first."""
    addresses: dict[tuple[tuple[str, ...], str], Path] = {}
    macs: dict[str, Path] = {}
    for path, mac in _fixed_macs(site):
        first = macs.setdefault(mac, path)
        if first != path:
            yield _taken((*path, "mac"), "MAC address", mac, first)
    for (host, bridge), wire in reach.bridge_wires.items():
        declared = site.hosts[host].bridges.get(bridge) if host in site.hosts else None
        if declared and declared.address:
            bridge_path = ("hosts", host, "bridges", bridge)
            claim = (wire, declared.address.partition("/")[0])
            first = addresses.setdefault(claim, bridge_path)
            if first != bridge_path:
                yield _taken((*bridge_path, "address"), "address", declared.address, first)
    for guest_name, guest in site.guests.items():
        for nic_name, nic in guest.nics.items():
            path = ("guests", guest_name, "nics", nic_name)
            nic_wire = reach.wires.get((nic.network, guest.host))
            if nic.address and nic_wire:
                # Virtual functions in different VLANs never meet.
                wire = (*nic_wire, f"VLAN {nic.vlan}") if nic.vlan else nic_wire
                first = addresses.setdefault((wire, nic.address.partition("/")[0]), path)
                if first != path:
                    yield _taken((*path, "address"), "address", nic.address, first)
            if nic.mac:
                first = macs.setdefault(nic.mac, path)
                if first != path:
                    yield _taken((*path, "mac"), "MAC address", nic.mac, first)


def _fixed_macs(site: Site) -> Iterator[tuple[Path, str]]:
    for host_name, host in site.hosts.items():
        for name, function in host.physical_functions.items():
            for number, fixed in function.fixed.items():
                if fixed.mac:
                    here = ("hosts", host_name, "physical_functions", name)
                    yield (*here, "fixed", str(number)), fixed.mac


def _taken(path: Path, kind: str, value: str, first: Path) -> Problem:
    return _problem(path, f"is already the {kind} of {'.'.join(first)}", value)


def _overlaps(site: Site, reach: Reach) -> Iterator[Problem]:
    """Subnets that one host would have twice; a pair is named once, whatever it shares."""
    named: set[tuple[Path, Path]] = set()
    for host_name, host in site.hosts.items():
        subnets: list[tuple[Subnet, Path]] = [
            (
                ipaddress.ip_interface(bridge.address).network,
                ("hosts", host_name, "bridges", name, "address"),
            )
            for name, bridge in host.bridges.items()
            if bridge.address
        ]
        subnets += [
            (_subnet(network.subnet), ("networks", name, "subnet"))
            for name, network in site.networks.items()
            if isinstance(network, VirtualNetwork) and host_name in reach.hosts[name]
        ]
        for (_, first), (subnet, second) in _pairs(subnets):
            if (first, second) not in named:
                named.add((first, second))
                what = f"overlaps with {'.'.join(first[:-1])} on host '{host_name}'"
                yield _problem(second, what, str(subnet))


def _pairs(
    subnets: list[tuple[Subnet, Path]],
) -> Iterator[tuple[tuple[Subnet, Path], tuple[Subnet, Path]]]:
    """Overlapping pairs, in the order given. Subnets are nested or apart, so sorting finds them."""
    order = {path: index for index, (_, path) in enumerate(subnets)}
    widest: tuple[Subnet, Path] | None = None
    for item in sorted(
        subnets, key=lambda it: (it[0].version, int(it[0].network_address), it[0].prefixlen)
    ):
        if widest and widest[0].version == item[0].version and item[0].network_address in widest[0]:
            yield (widest, item) if order[widest[1]] < order[item[1]] else (item, widest)
        else:
            widest = item
