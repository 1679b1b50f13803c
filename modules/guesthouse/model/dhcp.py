"""What a network's DHCP range must be: in its subnet, clear of taken addresses. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.network import VirtualNetwork
from guesthouse.model.site import Site

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# libvirt takes no longer range than 65536 addresses, counted from a whole multiple of that.
LIBVIRT_BLOCK_BITS = 16


def problems(site: Site) -> Iterator[Problem]:
    """Everything that is wrong with the declared DHCP ranges."""
    whole: dict[str, tuple[Address, Address]] = {}
    for name, network in site.networks.items():
        if isinstance(network, VirtualNetwork) and network.dhcp_range:
            found = list(_range(name, network))
            yield from found
            if not found:
                limits = network.dhcp_range
                whole[name] = _ip(limits.start), _ip(limits.end)
    for guest_name, guest in site.guests.items():
        for nic_name, nic in guest.nics.items():
            if nic.address and nic.network in whole:
                start, end = whole[nic.network]
                if _inside(ipaddress.ip_interface(nic.address).ip, start, end):
                    path = ("guests", guest_name, "nics", nic_name, "address")
                    what = f"is in the DHCP range of network '{nic.network}'"
                    yield _problem(path, what, nic.address, f"outside {start}-{end}")


def _range(name: str, network: VirtualNetwork) -> Iterator[Problem]:
    limits = network.dhcp_range
    assert limits is not None
    path = ("networks", name, "dhcp_range")
    if not network.dhcp:
        hint = "take 'dhcp: false' or 'dhcp_range' away"
        yield Problem(".".join(path), "the network has no DHCP", hint=hint, path=path)
        return
    subnet = ipaddress.ip_network(network.subnet)
    outside = False
    for end in ("start", "end"):
        value = getattr(limits, end)
        if _ip(value) not in subnet:
            outside = True
            what = f"is outside the subnet of network '{name}'"
            yield _problem((*path, end), what, value, network.subnet)
    if outside:
        return
    first, last = _ip(limits.start), _ip(limits.end)
    if int(last) < int(first):
        yield _problem((*path, "end"), "comes before the start", limits.end, f"from {first}")
    elif int(first) >> LIBVIRT_BLOCK_BITS != int(last) >> LIBVIRT_BLOCK_BITS:
        what = "is too far from the start: libvirt counts in the last 16 bits only"
        yield _problem((*path, "end"), what, limits.end)
    else:
        yield from _taken(path, limits.start, limits.end, subnet)


def _taken(
    path: tuple[str, ...],
    start: str,
    end: str,
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> Iterator[Problem]:
    """The subnet's own addresses, which no guest may have."""
    own = {"the network's own address": subnet[0], "the host's own address": subnet[1]}
    if subnet.version == 4:
        own["the broadcast address"] = subnet[-1]
    for words, address in own.items():
        if _inside(address, _ip(start), _ip(end)):
            what = f"holds {words} {address}"
            yield Problem(".".join(path), what, repr(f"{start}-{end}"), path=path)


def _ip(text: str) -> Address:
    return ipaddress.ip_address(text)


def _inside(address: Address, start: Address, end: Address) -> bool:
    return address.version == start.version and int(start) <= int(address) <= int(end)


def _problem(path: tuple[str, ...], what: str, got: str, allowed: str = "") -> Problem:
    return Problem(".".join(path), what, repr(got), allowed, path=path)
