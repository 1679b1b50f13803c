"""Networks worked out on each host: libvirt's own ones, and those of virtual functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from guesthouse.model import Site, SriovNetwork, VirtualNetwork
from guesthouse.model.dhcp import LIBVIRT_BLOCK_BITS
from guesthouse.placement.identity import Identity
from guesthouse.placement.plan import NetworkPlan, VfNetworkPlan


def networks(site: Site, identity: Identity) -> Iterator[NetworkPlan]:
    """Those of kind nat, routed and isolated, on every host that has them."""
    for name, network in site.networks.items():
        if not isinstance(network, VirtualNetwork):
            continue
        subnet = ipaddress.ip_network(network.subnet)
        start, end = _dhcp(network)
        for host in network.hosts or tuple(site.hosts):
            yield NetworkPlan(
                host=host,
                name=name,
                uuid="" if network.existing else identity.uuid("network", name),
                kind=network.kind,
                bridge=identity.bridge_name(name),
                mac=identity.mac("network", host, name),
                subnet=network.subnet,
                address=f"{subnet[1]}/{subnet.prefixlen}",
                dhcp=network.dhcp,
                dhcp_start=start,
                dhcp_end=end,
                existing=network.existing,
                allow=may_lose_link(site, network.allow),
            )


def vf_networks(site: Site, identity: Identity) -> Iterator[VfNetworkPlan]:
    """Those of kind sriov, on every host that has them."""
    for name, network in site.networks.items():
        if not isinstance(network, SriovNetwork):
            continue
        for host_name in network.hosts or tuple(site.hosts):
            functions = site.hosts[host_name].physical_functions
            if network.physical_function in functions:
                function = functions[network.physical_function]
                vfs = (n for n in range(function.virtual_functions) if n not in function.fixed)
                yield VfNetworkPlan(
                    host=host_name,
                    name=name,
                    uuid=identity.uuid("network", name),
                    physical_function=network.physical_function,
                    vfs=tuple(vfs),
                    allow=may_lose_link(site, (*network.allow, *function.allow)),
                )


def may_lose_link(site: Site, own: Sequence[str]) -> tuple[str, ...]:
    """The site's permission and the object's own, sorted."""
    return tuple(sorted({*(word for word in site.allow if word == "link_loss"), *own}))


def _dhcp(network: VirtualNetwork) -> tuple[str, str]:
    """The first and the last address that DHCP hands out; without a declared range all but the
    host's own, as far as libvirt counts."""
    if not network.dhcp:
        return "", ""
    if network.dhcp_range:
        return network.dhcp_range.start, network.dhcp_range.end
    subnet = ipaddress.ip_network(network.subnet)
    last = subnet[-2] if subnet.version == 4 else subnet[-1]
    block = int(subnet[2]) | ((1 << LIBVIRT_BLOCK_BITS) - 1)
    return str(subnet[2]), str(min(last, type(last)(block)))
