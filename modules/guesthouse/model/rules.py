"""What the parts of a site must say about each other: references, and what a host or guest needs.

Pure. Every problem has the path of the key to mend. What addresses must be is in ``addresses``;
whether guests fit into their hosts is for placement. A reference that leads nowhere is one
problem: nothing else is said about it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from guesthouse.errors import Problem
from guesthouse.model import (
    acceleration,
    addresses,
    device_rules,
    disk_rules,
    first_boot,
    lab_rules,
    order,
    own_files,
    sriov_rules,
)
from guesthouse.model.guest import Guest
from guesthouse.model.host import Host
from guesthouse.model.network import BridgeNetwork, Network, SriovNetwork
from guesthouse.model.problems import Path, problem, quoted, ruled
from guesthouse.model.reach import Reach
from guesthouse.model.shape import did_you_mean
from guesthouse.model.site import Site

# systemd-networkd files of this name are rendered from 'bridges'.
OUR_NETWORK_FILES = "/etc/systemd/network/*guesthouse*"


def problems(site: Site, known: Mapping[str, Collection[str]] | None = None) -> list[Problem]:
    """Everything that is wrong between the parts of ``site``.

    ``known`` are the names that may be referred to, by kind ("hosts", "pools", ...), when the
    site holds only what could be saved of a file; for a kind that is not in it, any name may.
    """
    reach = Reach.of(site)
    names = {
        kind: _Names(
            kind[:-1],
            None
            if known is not None and kind not in known
            else {*getattr(site, kind), *(known or {}).get(kind, ())},
        )
        for kind in ("hosts", "pools", "images", "networks", "devices", "guests")
    }
    hosts_whole = names["hosts"].names == site.hosts.keys()
    return [
        *ruled("host", _hosts(site)),
        *own_files.problems(site),
        *ruled("pool", _pools(site, names["hosts"])),
        *ruled("network", _networks(site, names["hosts"], hosts_whole)),
        *ruled("sriov", sriov_rules.network_problems(site, hosts_whole)),
        *ruled("guest", _guests(site, names, reach)),
        *ruled("guest", acceleration.problems(site)),
        *ruled("device", device_rules.problems(site, names["hosts"].check, names["devices"].check)),
        *ruled("start-order", order.problems(site, names["guests"].check)),
        *ruled("address", addresses.problems(site, reach)),
        *ruled("first-boot", first_boot.problems(site)),
        *ruled("lab", lab_rules.problems(site, names["hosts"].check)),
    ]


class _Names:
    """The names of one kind that may be referred to; None when any may."""

    def __init__(self, kind: str, names: set[str] | None) -> None:
        self.kind, self.names = kind, names
        self._hints: dict[str, str] = {}

    def check(self, path: Path, name: str) -> Iterator[Problem]:
        if self.names is None or name in self.names:
            return
        if name not in self._hints:
            self._hints[name] = did_you_mean(name, self.names)
        allowed, hint = quoted(self.names), self._hints[name]
        yield problem(path, f"unknown {self.kind}", name, allowed, hint, "unknown-name")


def _hosts(site: Site) -> Iterator[Problem]:
    seen: dict[tuple[str, int], str] = {}
    for name, host in site.hosts.items():
        path = ("hosts", name)
        if host.libvirt_uri:
            yield from _memory_host(path, host)
            continue
        if not host.address:
            hint = "say where the host is reached by ssh"
            yield problem((*path, "address"), "is required", hint=hint)
        elif (other := seen.setdefault((host.address, host.port), name)) != name:
            what = f"is already the address and port of host '{other}'"
            yield problem((*path, "address"), what, f"{host.address}:{host.port}")
        if not host.host_keys:
            hint = "pin the host's ssh key (on the host: cat /etc/ssh/ssh_host_ed25519_key.pub)"
            yield problem((*path, "host_keys"), "is required", hint=hint)
        yield from _bridges(path, host)
        yield from ruled("sriov", sriov_rules.problems(path, host))
        yield from _files(path, host)


def _memory_host(path: Path, host: Host) -> Iterator[Problem]:
    for field in ("packages", "services", "files", "bridges", "physical_functions"):
        if getattr(host, field):
            what = f"a host of libvirt's test driver has no {field}"
            hint = f"take '{field}' or 'libvirt_uri' away"
            yield problem((*path, field), what, hint=hint)


def _bridges(path: Path, host: Host) -> Iterator[Problem]:
    members: dict[str, str] = {}
    for name, bridge in host.bridges.items():
        here = (*path, "bridges", name)
        if bridge.vlan and not bridge.nic:
            hint = "say on which NIC it is: 'nic'"
            yield problem((*here, "vlan"), "a VLAN needs a NIC", bridge.vlan, hint=hint)
        elif bridge.nic in host.bridges or bridge.uplink in host.bridges:
            what = "a bridge cannot be the member of a bridge"
            yield problem((*here, "nic"), what, bridge.uplink)
        elif bridge.nic and (other := members.setdefault(bridge.uplink, name)) != name:
            field = "vlan" if bridge.vlan else "nic"
            what = f"is already the member of bridge '{other}'"
            yield problem((*here, field), what, bridge.uplink)


def _files(path: Path, host: Host) -> Iterator[Problem]:
    for name in host.files:
        here = (*path, "files", name)
        if name.endswith("/"):
            yield problem(here, "a file's path ends with its name, not with '/'", name)
        if fnmatchcase(posixpath.normpath(name), OUR_NETWORK_FILES):
            hint = f"declare bridges under {'.'.join(path)}.bridges"
            yield problem(here, "guesthouse writes this file itself", name, hint=hint)


def _listed_hosts(path: Path, listed: tuple[str, ...], hosts: _Names) -> Iterator[Problem]:
    for index, name in enumerate(listed):
        here = (*path, "hosts", str(index))
        yield from hosts.check(here, name)
        if name in listed[:index]:
            yield problem(here, "is here twice", name)


def _pools(site: Site, hosts: _Names) -> Iterator[Problem]:
    folders: dict[tuple[str, str], str] = {}
    for name, pool in site.pools.items():
        path = ("pools", name)
        yield from _listed_hosts(path, pool.hosts, hosts)
        folder = posixpath.normpath(pool.path)
        owners = ((host, folders.setdefault((host, folder), name)) for host in pool.hosts)
        clash = next(((host, other) for host, other in owners if other != name), None)
        if clash:
            what = f"is already the folder of pool '{clash[1]}' on host '{clash[0]}'"
            yield problem((*path, "path"), what, pool.path)


def _networks(site: Site, hosts: _Names, hosts_whole: bool) -> Iterator[Problem]:
    declared = {bridge for host in site.hosts.values() for bridge in host.bridges}
    for name, network in site.networks.items():
        path = ("networks", name)
        yield from _listed_hosts(path, network.hosts, hosts)
        if not isinstance(network, BridgeNetwork) or network.existing:
            continue
        bridge = network.bridge
        if not network.hosts and bridge not in declared and hosts_whole:
            hint = (
                f"declare it under 'bridges' of a host, or say networks.{name}.existing: true "
                "if somebody else made it"
            )
            allowed = quoted(declared)
            yield problem((*path, "bridge"), "no host declares this bridge", bridge, allowed, hint)
        for index, host in enumerate(network.hosts):
            if host in site.hosts and bridge not in site.hosts[host].bridges:
                yield problem(
                    (*path, "hosts", str(index)),
                    f"the host declares no bridge '{bridge}'",
                    host,
                    hint=f"declare it under hosts.{host}.bridges",
                )


def _guests(site: Site, names: Mapping[str, _Names], reach: Reach) -> Iterator[Problem]:
    for name, guest in site.guests.items():
        path = ("guests", name)
        yield from names["hosts"].check((*path, "host"), guest.host)
        yield from _serial_log(path, site, guest)
        yield from _room_to_grow(path, guest)
        known = names["pools"].check, names["images"].check
        yield from disk_rules.problems(site, name, *known)
        for nic_name, nic in guest.nics.items():
            here = (*path, "nics", nic_name, "network")
            yield from names["networks"].check(here, nic.network)
            network = site.networks.get(nic.network)
            if network and guest.host in site.hosts and guest.host not in reach.hosts[nic.network]:
                yield problem(
                    here,
                    f"the network is not on host '{guest.host}'",
                    nic.network,
                    quoted([n for n, on in reach.hosts.items() if guest.host in on]),
                    _network_hint(nic.network, network, guest.host),
                )


def _network_hint(name: str, network: Network, host: str) -> str:
    if network.hosts:
        return f"add '{host}' to networks.{name}.hosts"
    if isinstance(network, SriovNetwork):
        function = network.physical_function
        return f"declare '{function}' under hosts.{host}.physical_functions"
    # Of the others, only a bridge network without hosts depends on what the hosts declare.
    bridge = network.bridge if isinstance(network, BridgeNetwork) else ""
    return f"declare bridge '{bridge}' under hosts.{host}.bridges"


def _serial_log(path: Path, site: Site, guest: Guest) -> Iterator[Problem]:
    """libvirt's own log of NAME-serial is the file that QEMU logs NAME's serial port to."""
    other = site.guests.get(path[1].removesuffix("-serial"))
    if other and other is not guest and other.host == guest.host:
        what = f"libvirt's log of it is the serial log of guest '{path[1][:-7]}' on the same host"
        yield problem(path, what, hint="give one of the two another name or another host")


def _room_to_grow(path: Path, guest: Guest) -> Iterator[Problem]:
    for field, most in (("vcpus", guest.vcpus_max), ("memory_mib", guest.memory_max_mib)):
        least = getattr(guest, field)
        if most is not None and most < least:
            largest = "vcpus_max" if field == "vcpus" else "memory_max_mib"
            yield problem((*path, largest), f"is less than '{field}'", most, f"at least {least}")
