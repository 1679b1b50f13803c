"""Which running guest's NIC has which virtual function, by the running domains' XML."""

from __future__ import annotations

import re
from dataclasses import dataclass

from guesthouse.facts import sriov, virsh
from guesthouse.facts.functions import SHELL
from guesthouse.facts.question import Question


@dataclass(frozen=True)
class HeldNic:
    """A running guest's NIC on a virtual function: what the card is to have for it. ``vlan`` is 0
    for none."""

    guest: str
    mac: str
    vlan: int


def held_nics() -> Question[dict[str, HeldNic]]:
    """PCI address -> the running guest's NIC that has this virtual function."""
    return Question(f"{SHELL}\nheld=1\nholders", _held_nics)


def _held_nics(text: str) -> dict[str, HeldNic]:
    found = {}
    for document in re.findall(r"(?ms)^<domain .*?^</domain>", text):
        root = virsh.xml(document)
        for nic in root.iterfind("devices/interface"):
            place, mac, tag = (nic.find(n) for n in ("source/address", "mac", "vlan/tag"))
            if place is not None and mac is not None:
                vlan = 0 if tag is None else int(tag.get("id") or 0)
                name, address = root.findtext("name") or "", (mac.get("address") or "").lower()
                found[sriov.pci_of(place.attrib)] = HeldNic(name, address, vlan)
    return found
