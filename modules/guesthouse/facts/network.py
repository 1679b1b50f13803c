"""Facts of libvirt's own networks on a host. Follows https://libvirt.org/formatnetwork.html."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from lxml import etree

from guesthouse.facts import virsh
from guesthouse.facts.sriov import pci_of

# libvirt's word for each of our kinds; without <forward> a network is isolated.
_KINDS = {"nat": "nat", "route": "routed", "": "isolated", "hostdev": "sriov"}


@dataclass(frozen=True)
class NetworkFact:
    """A libvirt network: kind in our words, its bridge, the host's addresses with prefix length.

    ``dhcp``: libvirt hands out addresses of a range on it, the first to the last one of
    ``dhcp_ranges`` (``10.7.0.2-10.7.0.254``). ``vfs`` are the PCI addresses of the virtual
    functions that it hands out.
    """

    uuid: str
    kind: str
    bridge: str
    addresses: tuple[str, ...]
    dhcp: bool
    dhcp_ranges: tuple[str, ...]
    active: bool
    autostart: bool
    vfs: tuple[str, ...] = ()


COMMANDS = ("net-info", "net-dumpxml")


def network(info_text: str, text: str) -> NetworkFact:
    """Read the answers to ``COMMANDS``."""
    info, root = virsh.table(info_text), virsh.xml(text)
    forward, bridge = root.find("forward"), root.find("bridge")
    mode = "" if forward is None else forward.get("mode") or "nat"
    return NetworkFact(
        uuid=info["UUID"],
        kind=_KINDS.get(mode, mode),
        bridge="" if bridge is None else bridge.get("name") or "",
        addresses=tuple(_address(item) for item in root.findall("ip")),
        dhcp=root.find("ip/dhcp/range") is not None,
        dhcp_ranges=tuple(
            f"{item.get('start')}-{item.get('end')}" for item in root.findall("ip/dhcp/range")
        ),
        active=info["Active"] == "yes",
        autostart=info["Autostart"] == "yes",
        vfs=tuple(pci_of(item.attrib) for item in root.findall("forward/address")),
    )


def _address(item: etree._Element) -> str:
    length = item.get("prefix") or item.get("netmask") or "32"
    return str(ipaddress.ip_interface(f"{item.get('address')}/{length}"))
