"""Which hosts a network is on, and which networks are one wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse.model.network import BridgeNetwork, SriovNetwork
from guesthouse.model.site import Site


@dataclass(frozen=True)
class Reach:
    """``hosts``: the hosts of each network. ``wires``: the wire behind each (network, host).

    Everything on one wire sees the same addresses. A bridge network is one wire across its hosts
    (a network of virtual functions too), and networks that share a host's bridge share the wire; a
    virtual network has one per host.
    """

    hosts: Mapping[str, frozenset[str]]
    wires: Mapping[tuple[str, str], tuple[str, ...]]
    bridge_wires: Mapping[tuple[str, str], tuple[str, ...]]

    @classmethod
    def of(cls, site: Site) -> Reach:
        hosts = {name: _hosts(site, name) for name in site.networks}
        leaders: dict[str, str] = {}

        def leader(name: str) -> str:
            while leaders.get(name, name) != name:
                name = leaders[name]
            return name

        owners: dict[tuple[str, str], str] = {}
        for name, network in site.networks.items():
            if isinstance(network, BridgeNetwork):
                for host in sorted(hosts[name]):
                    owner = owners.setdefault((host, network.bridge), name)
                    leaders[leader(name)] = leader(owner)
        wires = {
            (name, host): (leader(name),)
            if isinstance(site.networks[name], BridgeNetwork | SriovNetwork)
            else (name, host)
            for name, on in hosts.items()
            for host in on
        }
        return cls(hosts, wires, {key: (leader(name),) for key, name in owners.items()})


def _hosts(site: Site, name: str) -> frozenset[str]:
    network = site.networks[name]
    if network.hosts:
        return frozenset(network.hosts)
    if isinstance(network, BridgeNetwork) and not network.existing:
        return frozenset(h for h, host in site.hosts.items() if network.bridge in host.bridges)
    if isinstance(network, SriovNetwork):
        function = network.physical_function
        return frozenset(h for h, host in site.hosts.items() if function in host.physical_functions)
    return frozenset(site.hosts)
