"""What physical functions, their networks and their guests' NICs must say about each other."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.guest import Nic
from guesthouse.model.host import Host
from guesthouse.model.network import SriovNetwork
from guesthouse.model.physical_function import PhysicalFunction
from guesthouse.model.problems import Path, problem, quoted
from guesthouse.model.shape import did_you_mean
from guesthouse.model.site import Site


def problems(path: Path, host: Host) -> Iterator[Problem]:
    """Of one host, whose path is ``path``."""
    chosen: dict[tuple[str, str], str] = {}
    for name, function in host.physical_functions.items():
        here = (*path, "physical_functions", name)
        if not function.select:
            hint = "name it by 'nic', 'pci_address', 'driver', 'device' or 'alias'"
            yield problem(here, "does not say which interface it is", hint=hint)
        for field in ("nic", "pci_address"):
            value = getattr(function, field)
            other = chosen.setdefault((field, value), name) if value else name
            if other != name:
                yield problem((*here, field), f"is already physical function '{other}'", value)
        yield from _fixed(here, function)


def _fixed(path: Path, function: PhysicalFunction) -> Iterator[Problem]:
    count = function.virtual_functions
    for number, fixed in function.fixed.items():
        here = (*path, "fixed", str(number))
        if number >= count:
            allowed = f"0 to {count - 1}" if count else "none"
            hint = "raise 'virtual_functions': they are numbered from 0"
            yield problem(here, "there is no such virtual function", number, allowed, hint)
        if fixed.qos and not fixed.vlan:
            hint = "a priority is part of the VLAN tag: say 'vlan' too"
            yield problem((*here, "qos"), "needs a VLAN", fixed.qos, hint=hint)
        both = function.virtual_function(number)
        yield from _rates(here, both["min_tx_mbps"], both["max_tx_mbps"])
    defaults = function.defaults
    yield from _rates((*path, "defaults"), defaults.min_tx_mbps or 0, defaults.max_tx_mbps or 0)


def _rates(path: Path, least: int, most: int) -> Iterator[Problem]:
    if most and least > most:
        allowed = f"at most {most}, its max_tx_mbps"
        yield problem((*path, "min_tx_mbps"), "is more than it may send", least, allowed)


def network_problems(site: Site, hosts_whole: bool) -> Iterator[Problem]:
    """Of networks of kind sriov and the NICs on them; ``hosts_whole``: all hosts are known."""
    owners: dict[tuple[str, str], str] = {}
    for name, network in site.networks.items():
        if isinstance(network, SriovNetwork):
            yield from _network(site, name, network, hosts_whole)
            yield from _shared(site, name, network, owners)
    for guest_name, guest in site.guests.items():
        for nic_name, nic in guest.nics.items():
            on = site.networks.get(nic.network)
            if on is not None:
                path = ("guests", guest_name, "nics", nic_name)
                yield from _nic(path, nic, on if isinstance(on, SriovNetwork) else None, guest.host)


def _network(site: Site, name: str, network: SriovNetwork, hosts_whole: bool) -> Iterator[Problem]:
    path, function = ("networks", name), network.physical_function
    declared = {item for host in site.hosts.values() for item in host.physical_functions}
    if not network.hosts and function not in declared and hosts_whole:
        hint = did_you_mean(function, declared) or "declare it under 'physical_functions' of a host"
        here = (*path, "physical_function")
        what = "no host declares this physical function"
        yield problem(here, what, function, quoted(declared), hint)
    for index, host in enumerate(network.hosts):
        if host in site.hosts and function not in site.hosts[host].physical_functions:
            what = f"the host declares no physical function '{function}'"
            hint = f"declare it under hosts.{host}.physical_functions"
            yield problem((*path, "hosts", str(index)), what, host, hint=hint)


def _shared(
    site: Site, name: str, network: SriovNetwork, owners: dict[tuple[str, str], str]
) -> Iterator[Problem]:
    """libvirt counts in each network on its own who has which virtual function: of two networks,
    the second one would hand out what the first one has handed out."""
    function = network.physical_function
    for host in network.hosts or tuple(site.hosts):
        if host not in site.hosts or function not in site.hosts[host].physical_functions:
            continue
        other = owners.setdefault((host, function), name)
        if other != name:
            what = f"is already handed out by network '{other}' on host '{host}'"
            hint = f"put the NICs on network '{other}': each of them has a VLAN of its own"
            yield problem(("networks", name, "physical_function"), what, function, hint=hint)
            return


def _nic(path: Path, nic: Nic, network: SriovNetwork | None, host: str) -> Iterator[Problem]:
    if network is None:
        if nic.vlan:
            what = (
                f"network '{nic.network}' is not of kind sriov: its NICs have no VLAN of their own"
            )
            hint = "use a bridge that is on the VLAN (hosts.NAME.bridges.NAME.vlan)"
            yield problem((*path, "vlan"), what, nic.vlan, hint=hint)
        return
    for field in ("max_rx_mbps", "max_tx_mbps"):
        if value := getattr(nic, field):
            what = "a virtual function's limits are the host's to set"
            function = f"hosts.{host}.physical_functions.{network.physical_function}"
            hint = f"set {function}.defaults.max_tx_mbps"
            yield problem((*path, field), what, value, hint=hint)
