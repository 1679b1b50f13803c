"""A domain document in units: the pieces that are compared, named and changed as wholes.

A unit is a direct child of ``<domain>`` or of ``<devices>``; what ``<domain>`` itself says is in
none. Its key says which one it is on both sides: a disk by its serial (our name for it), else by
its target, an interface by its MAC, a device of the host by its place there and our name for it,
the rest by tag and order.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from lxml import etree

Element = Any
Key = tuple[str, ...]

# Aliases that are not libvirt's own begin so (https://libvirt.org/formatdomain.html#devices).
ALIAS = "ua-"

_PARSER = etree.XMLParser(
    remove_blank_text=True, remove_comments=True, resolve_entities=False, no_network=True
)


def parse(text: str) -> Element:
    """The root element of a document, without blanks and comments."""
    return etree.fromstring(text.encode(), _PARSER)


def serialise(root: Element) -> str:
    """Canonical text: one element per line."""
    etree.indent(root, space="  ")
    return str(etree.tostring(root, encoding="unicode")) + "\n"


def tag(element: Element) -> str:
    """The element's name without its namespace."""
    return str(etree.QName(element).localname)


def kind(key: Key) -> str:
    """What a unit is: the first part of its paths in the tables."""
    return key[1] if key[0] == "devices" else key[0]


def device_key(element: Element) -> Key:
    """What tells this device from its brothers, as far as one element can say."""
    name = tag(element)
    if name == "disk":
        serial = element.findtext("serial")
        return ("devices", name, serial or _attribute(element, "target", "dev"))
    if name == "interface":
        return ("devices", name, _attribute(element, "mac", "address"))
    if name == "hostdev":
        return ("devices", name, *_host_device(element))
    if name == "controller":
        return ("devices", name, element.get("type", ""), element.get("index", "0"))
    if name == "channel":
        return ("devices", name, _attribute(element, "target", "name"))
    return ("devices", name)


def _attribute(element: Element, child: str, name: str) -> str:
    found = element.find(child)
    return "" if found is None else str(found.get(name, "")).lower()


def _host_device(element: Element) -> Key:
    """Another place is another device, that is unplugged and plugged; an alias is our name."""
    address = element.find("source/address")
    place = ""
    if address is not None and element.get("type") == "mdev":
        place = str(address.get("uuid", "")).lower()
    elif address is not None and element.get("type") == "pci":
        parts = [int(address.get(n) or "0", 0) for n in ("domain", "bus", "slot", "function")]
        place = "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)
    alias = _attribute(element, "alias", "name")
    name = alias.removeprefix(ALIAS) if alias.startswith(ALIAS) else ""
    return tuple(part for part in (place, name) if part)


def units(root: Element) -> dict[Key, Element]:
    """All units of a document by key; repeated keys get a running number."""
    found: dict[Key, Element] = {}
    seen: Counter[Key] = Counter()
    devices = root.find("devices")
    pairs: list[tuple[Key, Element]] = [
        ((tag(child),), child) for child in root if child is not devices
    ]
    pairs += [(device_key(child), child) for child in (devices if devices is not None else ())]
    for key, element in pairs:
        seen[key] += 1
        found[key if seen[key] == 1 else (*key, str(seen[key]))] = element
    return found


def is_vf(interface: Element) -> bool:
    """Is this NIC of our document a virtual function that a network hands out? All others say
    which model they are."""
    return interface.get("type") == "network" and interface.find("model") is None


# What tells an element from its brothers of the same tag.
_IDENTITY = ("id", "name", "vcpu", "iothread", "dev")


def leaves(element: Element | None) -> dict[str, str]:
    """Every value in a unit by its path: "" its own text, ``@name`` an attribute, ``child@name``;
    brothers of one tag have their identity in brackets. No element: no leaves."""
    found: dict[str, str] = {}
    if element is not None:
        _gather(element, "", found)
        if tag(element) == "vcpu":
            # libvirt leaves it out when it is the maximum.
            found.setdefault("@current", found[""])
    return found


def _gather(element: Element, path: str, found: dict[str, str]) -> None:
    for name, value in element.attrib.items():
        found[f"{path}@{name}"] = str(value)
    text = (element.text or "").strip()
    if text:
        found[path] = text
    elif len(element) == 0 and not element.attrib:
        found[path] = "there"
    count = Counter(tag(child) for child in element)
    for index, child in enumerate(element):
        name = tag(child)
        if count[name] > 1:
            own = next((child.get(i) for i in _IDENTITY if child.get(i)), str(index))
            name = f"{name}[{own}]"
        _gather(child, f"{path}/{name}" if path else name, found)
