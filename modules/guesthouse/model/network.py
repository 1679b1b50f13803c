"""Networks: what a guest's NIC is plugged into."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guesthouse.model.values import InterfaceName, Model, Name, Subnet


class BridgeNetwork(Model):
    """A host's bridge, used as it is. Without ``hosts``: every host that declares the bridge.

    ``existing`` bridges were made by somebody else and need not be declared under a host.
    """

    kind: Literal["bridge"]
    bridge: InterfaceName
    hosts: tuple[Name, ...] = ()
    existing: bool = False


class VirtualNetwork(Model):
    """A libvirt network with its own bridge (https://libvirt.org/formatnetwork.html).

    ``nat`` reaches out through the host, ``routed`` is forwarded without NAT, ``isolated`` joins
    guests and host only. The host has the subnet's first address; with ``dhcp`` libvirt hands
    out the rest. Without ``hosts``: on every host.
    """

    kind: Literal["nat", "routed", "isolated"]
    subnet: Subnet
    dhcp: bool = True
    hosts: tuple[Name, ...] = ()
    existing: bool = False


Network = Annotated[BridgeNetwork | VirtualNetwork, Field(discriminator="kind")]
