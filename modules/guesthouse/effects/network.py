"""Network documents: what was seen in our words, what changed, and what a change costs.

libvirt changes some sections of a running network (virsh(1), net-update); everything else needs
the network stopped and started, and its bridge goes with it: the guests' links are lost until
their taps are put on the new one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from guesthouse.effects.change import Change, Effect
from guesthouse.effects.units import leaves, parse, serialise, units

# Section of virNetworkUpdate by the path of its elements.
SECTIONS = {
    "ip/dhcp/range": "ip-dhcp-range",
    "ip/dhcp/host": "ip-dhcp-host",
    "dns/host": "dns-host",
    "dns/txt": "dns-txt",
    "dns/srv": "dns-srv",
    "portgroup": "portgroup",
    "forward/interface": "forward-interface",
}
_WORDS = {"forward@mode": "kind", "bridge@name": "bridge", "forward/nat@ipv6": "IPv6 NAT"}
# libvirt's word -> ours.
_KINDS = {"nat": "nat", "route": "routed", "": "isolated", "hostdev": "sriov"}


@dataclass(frozen=True)
class Section:
    """One element of a section: ``parent`` is the number of its <ip> in the network, else -1."""

    name: str
    parent: int
    xml: str


@dataclass(frozen=True)
class SectionUpdate:
    """One call of virNetworkUpdate."""

    add: bool
    section: Section


def seen_network(document: str, actual: str) -> str:
    """``actual`` (as libvirt tells it) in our words: without what libvirt adds by itself."""
    wanted, found = parse(document), parse(actual)
    # How many guests are plugged in.
    for item in (found, *found.iterfind("forward/address")):
        item.attrib.pop("connections", None)
    _drop_usual_nat(found, keep_ports=wanted.find("forward/nat/port") is not None)
    if wanted.find("mac") is None:
        _drop(found, "mac")
    for ip in found.findall("ip"):
        if ip.get("family") == "ipv4":
            del ip.attrib["family"]
    _drop_empty(found)
    for ip in found.findall("ip"):
        if len(ip) == 0:
            ip.text = None  # libvirt ends the line in an element that has nothing in it
    return serialise(found)


def section_updates(old: str, new: str) -> list[SectionUpdate]:
    """The calls that lead from ``old`` to ``new``. A new DHCP range comes before the old one goes,
    so that DHCP never pauses; of the others libvirt takes no second one of the same name."""
    before, after = _sections(parse(old)), _sections(parse(new))
    come = [SectionUpdate(True, item) for item in after if item not in before]
    go = [SectionUpdate(False, item) for item in before if item not in after]
    first = [update for update in come if update.section.name == "ip-dhcp-range"]
    return [*first, *go, *(update for update in come if update not in first)]


def network_changes(old: str, new: str) -> list[Change]:
    """What leads from the document ``old`` to ``new``, in the user's words."""
    before, after = parse(old), parse(new)
    found = list(_section_changes(_sections(before), _sections(after)))
    for root in (before, after):
        _strip(root)
    old_values, new_values = _values(before), _values(after)
    for what in dict.fromkeys((*new_values, *old_values)):
        one, other = old_values.get(what, ""), new_values.get(what, "")
        if what == "kind":
            one, other = _KINDS.get(one, one), _KINDS.get(other, other)
        if one != other:
            found.append(Change(what, one, other, Effect.LINK_LOSS))
    return found


def _sections(root: Any) -> list[Section]:
    found = []
    for path, name in SECTIONS.items():
        parents = root.findall("ip") if path.startswith("ip/") else [root]
        for index, parent in enumerate(parents):
            for element in parent.findall(path.removeprefix("ip/")):
                number = index if path.startswith("ip/") else -1
                found.append(Section(name, number, serialise(copy.deepcopy(element)).strip()))
    return found


def _section_changes(before: list[Section], after: list[Section]) -> Iterator[Change]:
    for name in SECTIONS.values():
        gone = [_text(s) for s in before if s.name == name and s not in after]
        come = [_text(s) for s in after if s.name == name and s not in before]
        if gone or come:
            what = name.removeprefix("ip-").replace("-", " ")
            yield Change(what, ", ".join(gone), ", ".join(come), Effect.LIVE_PERSIST)


def _text(section: Section) -> str:
    values = leaves(parse(section.xml))
    if section.name == "ip-dhcp-range":
        return "-".join(values[name] for name in ("@start", "@end"))
    return " ".join(values.values())


def _strip(root: Any) -> None:
    for path in SECTIONS:
        _drop(root, path)
    _drop_empty(root)


def _drop(root: Any, path: str) -> None:
    for element in root.findall(path):
        element.getparent().remove(element)


def _drop_usual_nat(found: Any, keep_ports: bool) -> None:
    """libvirt tells the ports of every NAT; what is left may be an element that says nothing."""
    for nat in found.findall("forward/nat"):
        for port in [] if keep_ports else nat.findall("port"):
            if dict(port.attrib) == {"start": "1024", "end": "65535"}:
                nat.remove(port)
        if len(nat) == 0 and not nat.attrib:
            nat.getparent().remove(nat)


def _drop_empty(root: Any) -> None:
    """libvirt leaves <dns/> and <dhcp/> behind when their last child goes, or takes them away."""
    for path in ("ip/dhcp", "dns"):
        for element in root.findall(path):
            if len(element) == 0 and not element.attrib:
                element.getparent().remove(element)


def _values(root: Any) -> dict[str, str]:
    """Every value outside of the sections, by its name for people."""
    values: dict[str, str] = {}
    if places := root.findall("forward/address"):
        values["virtual functions"] = ", ".join(map(_place, places))
        _drop(root, "forward/address")
    for key, unit in units(root).items():
        if key[0] == "ip":
            where = " ".join(("address", *key[1:]))
            prefix = unit.get("prefix") or unit.get("netmask") or ""
            values[where] = f"{unit.get('address')}/{prefix}"
            unit = copy.deepcopy(unit)
            for name in ("address", "prefix", "netmask"):
                unit.attrib.pop(name, None)
        for path, text in leaves(unit).items():
            name = f"{'/'.join(key)}{path if path[:1] in ('@', '') else f'/{path}'}"
            if path or text != "there" or key[0] != "ip":
                values[_WORDS.get(name, name)] = text
    return values


def _place(address: Any) -> str:
    """A virtual function: its number where the document has a hole for it, else where it is."""
    hole = re.match(r"@VF(\d+):", address.get("bus", ""))
    parts = [address.get(name, "") for name in ("domain", "bus", "slot", "function")]
    return hole[1] if hole else " ".join(parts)
