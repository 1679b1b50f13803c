"""A libvirt network's document. Follows https://libvirt.org/formatnetwork.html.

One of virtual functions has holes for their PCI addresses (``@VF0:bus@``), which the host knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from guesthouse.placement import NetworkPlan, VfNetworkPlan
from guesthouse.render.templates import render
from guesthouse.render.xml import canonical

# libvirt's words for our kinds; an isolated network has no <forward>.
_FORWARD = {"nat": "nat", "routed": "route", "isolated": ""}


@dataclass(frozen=True)
class NetworkView:
    """What ``network/network.xml.j2`` sees."""

    name: str
    uuid: str
    forward: str
    bridge: str
    mac: str
    ip: str
    prefix: str
    is_ipv6: bool
    dhcp_start: str
    dhcp_end: str


def network_document(plan: NetworkPlan) -> str:
    """The complete network XML, canonical."""
    ip, _, prefix = plan.address.partition("/")
    view = NetworkView(
        name=plan.name,
        uuid=plan.uuid,
        forward=_FORWARD[plan.kind],
        bridge=plan.bridge,
        mac=plan.mac,
        ip=ip,
        prefix=prefix,
        is_ipv6=":" in ip,
        dhcp_start=plan.dhcp_start,
        dhcp_end=plan.dhcp_end,
    )
    return canonical(render("network/network.xml.j2", network=view))


def vf_network_document(plan: VfNetworkPlan) -> str:
    """The network XML of a pool of virtual functions, canonical."""
    return canonical(render("network/vf_network.xml.j2", network=plan))
