"""libvirt networks that hand out virtual functions: their documents have holes for the addresses.

libvirt counts who has which one while the network runs. So whatever changes in it, the guests' NICs
are pulled out, the network is started anew, and they are put back.
"""

from __future__ import annotations

from typing import Any

import libvirt

from guesthouse.effects.units import parse
from guesthouse.facts.sriov import CardFact
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import network_state, pf_state, vf_plugs
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.resource import Call, Values

_PARTS = ("domain", "bus", "slot", "function")


class VfNetworkResource(NetworkResource):
    """Inputs: those of a Network, and select, virtual_functions, nics."""

    def _bring(
        self, call: Call, host: HostConnection, network: libvirt.virNetwork, inputs: Values
    ) -> None:
        super()._bring(call, host, network, inputs)
        # A run that failed as it put them back has left the network as declared.
        vf_plugs.put_back(call, host, str(inputs["uuid"]), inputs["nics"])

    def _filled(self, host: HostConnection, inputs: Values) -> str:
        return filled(str(inputs["network_xml"]), pf_state.card(host, inputs))

    def _seen(
        self, host: HostConnection, network: libvirt.virNetwork, values: Values
    ) -> dict[str, Any]:
        card = pf_state.card(host, {**values, "virtual_functions": 0})
        seen = network_state.seen(host, network, filled(str(values["network_xml"]), card))
        texts = {name: emptied(seen[name], card) for name in ("network_xml", "running_xml")}
        return {**seen, **texts}

    def _losers(self, host: HostConnection, inputs: Values) -> list[str]:
        return vf_plugs.guests(self._plugged(host, inputs))

    def _plugged(self, host: HostConnection, inputs: Values) -> list[vf_plugs.VfPlug]:
        card = pf_state.card(host, {**inputs, "virtual_functions": 0})
        places = {vf.pci_address for vf in card.vfs.values() if vf.is_held}
        found = vf_plugs.held(host.libvirt, places) if places else []
        name = str(inputs["name"])
        return [plug for plug in found if _network(plug.xml) == name]

    def _change(
        self, call: Call, host: HostConnection, network: libvirt.virNetwork, inputs: Values
    ) -> libvirt.virNetwork:
        plugged, nics = self._plugged(host, inputs), inputs["nics"]
        with vf_plugs.unplugged(call, host, str(inputs["uuid"]), plugged, nics):
            return started_anew(host, network, self._filled(host, inputs))


def started_anew(host: HostConnection, network: libvirt.virNetwork, xml: str) -> libvirt.virNetwork:
    """Define and start; nobody is plugged in."""
    if network.isActive():
        network.destroy()
    made = host.libvirt.networkDefineXML(xml)
    made.create()
    return made


def filled(xml: str, card: CardFact) -> str:
    """The document with the addresses of the card's virtual functions."""
    for number, parts in _addresses(card).items():
        for name, value in parts.items():
            xml = xml.replace(_hole(number, name), value)
    return xml


def emptied(xml: str, card: CardFact) -> str:
    """The holes again where the card's virtual functions are named."""
    for number, parts in _addresses(card).items():
        there = " ".join(f'{name}="{value}"' for name, value in parts.items())
        holes = " ".join(f'{name}="{_hole(number, name)}"' for name in parts)
        xml = xml.replace(there, holes)
    return xml


def _addresses(card: CardFact) -> dict[int, dict[str, str]]:
    """Number -> the attributes of libvirt's <address>."""
    found = {}
    for number, vf in card.vfs.items():
        domain, bus, rest = vf.pci_address.split(":")
        slot, _, function = rest.partition(".")
        words = (f"0x{part}" for part in (domain, bus, slot, function))
        found[number] = dict(zip(_PARTS, words, strict=True))
    return found


def _hole(number: int, part: str) -> str:
    return f"@VF{number}:{part}@"


def _network(nic: str) -> str:
    source = parse(nic).find("source")
    return "" if source is None else str(source.get("network", ""))
