"""A domain document in units: the pieces that are compared, named and changed as wholes.

A unit is a direct child of ``<domain>`` or of ``<devices>``. Its key says which one it is on both
sides: a disk by its target, an interface by its MAC, the rest by tag and order.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from lxml import etree

Element = Any
Key = tuple[str, ...]

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


def device_key(element: Element) -> Key:
    """What tells this device from its brothers, as far as one element can say."""
    name = tag(element)
    if name == "disk":
        return ("devices", name, _attribute(element, "target", "dev"))
    if name == "interface":
        return ("devices", name, _attribute(element, "mac", "address"))
    if name == "controller":
        return ("devices", name, element.get("type", ""), element.get("index", "0"))
    if name == "channel":
        return ("devices", name, _attribute(element, "target", "name"))
    return ("devices", name)


def _attribute(element: Element, child: str, name: str) -> str:
    found = element.find(child)
    return "" if found is None else str(found.get(name, "")).lower()


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
