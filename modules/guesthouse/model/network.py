"""Networks: what a guest's NIC is plugged into."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guesthouse.model.values import InterfaceName, IpAddress, Model, Name, Subnet

# What a change of a network may cost the running guests on it.
NetworkPermission = Literal["link_loss"]


class BridgeNetwork(Model):
    """A host's bridge, used as it is. Without ``hosts``: every host that declares the bridge.

    ``existing`` bridges were made by somebody else and need not be declared under a host.
    """

    kind: Literal["bridge"]
    bridge: InterfaceName
    hosts: tuple[Name, ...] = ()
    existing: bool = False


class DhcpRange(Model):
    """The addresses that libvirt's DHCP hands out, from the first to the last one."""

    start: IpAddress
    end: IpAddress


class VirtualNetwork(Model):
    """A libvirt network with its own bridge (https://libvirt.org/formatnetwork.html).

    ``nat`` reaches out through the host, ``routed`` is forwarded without NAT, ``isolated`` joins
    guests and host only. The host has the subnet's first address; with ``dhcp`` libvirt hands
    out those of ``dhcp_range``, else the rest. Without ``hosts``: on every host. A change that
    takes the link from running guests for a moment needs ``allow: [link_loss]``.
    """

    kind: Literal["nat", "routed", "isolated"]
    subnet: Subnet
    dhcp: bool = True
    dhcp_range: DhcpRange | None = None
    hosts: tuple[Name, ...] = ()
    existing: bool = False
    allow: tuple[NetworkPermission, ...] = ()


class SriovNetwork(Model):
    """Virtual functions of a physical function, one for each NIC that is plugged in: libvirt hands
    out those that are not ``fixed`` (https://libvirt.org/formatnetwork.html, forward mode
    hostdev).

    Without ``hosts``: every host that declares that physical function. A change that takes the
    link from running guests for a moment needs ``allow: [link_loss]``.
    """

    kind: Literal["sriov"]
    physical_function: Name
    hosts: tuple[Name, ...] = ()
    allow: tuple[NetworkPermission, ...] = ()


Network = Annotated[BridgeNetwork | VirtualNetwork | SriovNetwork, Field(discriminator="kind")]
