"""The document as seen: our own words, with the values that the machine has now.

libvirt expands what it is given (addresses, aliases, controllers, defaults). Projecting its answer
back on our document keeps only what we declared, so an expansion is never drift, and drift reads
as a line of our own document.
"""

from __future__ import annotations

import copy

from lxml import etree

from guesthouse.effects.expansion import neutral, own
from guesthouse.effects.units import Element, Key, is_vf, kind, parse, serialise, tag, units

# What the running guest may have otherwise; all else is read from the persistent definition.
_LIVE = (
    "title",
    "description",
    "vcpu",
    "maxMemory",
    "currentMemory",
    "cputune",
    "memtune",
    "blkiotune",
    "on_poweroff",
    "on_reboot",
    "on_crash",
)
_LIVE_DEVICES = ("disk", "interface", "hostdev")


def seen_document(document: str, inactive: str, live: str | None) -> str:
    """``document`` with the values of the machine.

    ``inactive`` is the persistent definition (``dumpxml --inactive``), ``live`` the running one,
    None when the guest is off. Where they differ, the one that is not as declared is shown.
    """
    wanted = parse(document)
    persistent = parse(inactive)
    result = _project(wanted, persistent)
    if live is not None:
        _overlay(wanted, result, _running(wanted, live))
    return serialise(result)


def running_document(document: str, live: str) -> str:
    """``document`` with the values of the running guest alone."""
    return serialise(_running(parse(document), live))


def _running(wanted: Element, live: str) -> Element:
    declared, actual = units(wanted), parse(live)
    for key, element in units(actual).items():
        if key[:2] == ("devices", "interface") and key in declared:
            _as_network(element, declared[key])
    result = _project(wanted, actual)
    for key, element in units(result).items():
        if key[:2] == ("devices", "disk") and key in declared:
            _as_declared(element, declared[key])
        # libvirt tells the model that it chose for the running guest, not how it was chosen.
        if key == ("cpu",) and key in declared and element.get("mode") == "custom":
            element.set("mode", declared[key].get("mode"))
    return result


def _as_network(interface: Element, declared: Element) -> None:
    """A running guest has the PCI device that its network handed out in the network's place."""
    if interface.get("type") == "hostdev" and is_vf(declared):
        interface.set("type", declared.get("type"))
        interface.attrib.pop("managed", None)
        for name in ("driver", "source"):
            for child in interface.findall(name):
                interface.remove(child)
        interface.append(copy.deepcopy(declared.find("source")))


def _as_declared(disk: Element, declared: Element) -> None:
    """What a running guest has for good and never sees: a disk plugged in while another one had
    its device name keeps the one it was given, and the boot order is that of the last start."""
    disk.find("target").set("dev", declared.find("target").get("dev"))
    for boot in disk.findall("boot"):
        disk.remove(boot)
    if declared.find("boot") is not None:
        place = [tag(child) for child in declared].index("boot")
        disk.insert(place, copy.deepcopy(declared.find("boot")))


def _project(wanted: Element, actual: Element) -> Element:
    result = copy.deepcopy(wanted)
    _take_own(result, actual)
    actual_units, declared = units(actual), units(wanted)
    for key, element in units(result).items():
        found = actual_units.get(key)
        if found is None:
            element.getparent().remove(element)
        else:
            _take_values(element, found, kind(key))
    for key, element in actual_units.items():
        if key not in declared and not own(kind(key)):
            _notice(result.find("devices") if key[0] == "devices" else result, element, kind(key))
    return result


def _take_own(result: Element, actual: Element) -> None:
    """What the domain says itself, beside its parts: its type. An id is of one run only."""
    for name in result.attrib:
        result.set(name, actual.get(name, ""))


def _take_values(element: Element, actual: Element, path: str) -> None:
    """Give ``element`` (of our document) the values of ``actual``, and what somebody put there."""
    for name, value in list(element.attrib.items()):
        found = actual.get(name)
        if found is None:
            del element.attrib[name]
        elif not _same(tag(element), name, value, found):
            element.set(name, found)
    for name, value in actual.attrib.items():
        where = f"{path}@{name}"
        if name not in element.attrib and not own(where) and not neutral(where, value):
            element.set(name, value)
    if path == "vcpu" and "current" in actual.attrib:
        # libvirt writes it only when it is not the maximum: its absence is a value too.
        element.set("current", actual.get("current"))
    if len(element) == 0:
        text = (actual.text or "").strip()
        if element.text is not None or text:
            element.text = text or None
    matched = set()
    for child in list(element):
        match = _brother(child, actual)
        if match is None:
            element.remove(child)
        else:
            matched.add(match)
            _take_values(child, match, f"{path}/{tag(child)}")
    for child in actual:
        if child not in matched:
            _notice(element, child, f"{path}/{tag(child)}")


def _notice(parent: Element, actual: Element, path: str) -> None:
    """Append what somebody put there, without what libvirt wrote into it."""
    if own(path):
        return
    text = (actual.text or "").strip()
    if text and neutral(path, text):
        return
    extra = etree.Element(actual.tag, nsmap=actual.nsmap)
    extra.text = text or None
    for name, value in actual.attrib.items():
        where = f"{path}@{name}"
        if not own(where) and not neutral(where, value):
            extra.set(name, value)
    for child in actual:
        _notice(extra, child, f"{path}/{tag(child)}")
    bare = not text and not extra.attrib and len(extra) == 0
    if not (bare and (text or actual.attrib or len(actual))):
        _place(parent, extra)


def _place(parent: Element, extra: Element) -> None:
    """At the end; in the document before its devices."""
    devices = parent.find("devices")
    if devices is None:
        parent.append(extra)
    else:
        devices.addprevious(extra)


def _brother(child: Element, actual: Element) -> Element | None:
    """The same-named child of ``actual``, by identifying attribute where there is one."""
    found = [item for item in actual if item.tag == child.tag]
    for name in ("id", "name"):
        if child.get(name) is not None and len(found) > 1:
            found = [item for item in found if item.get(name) == child.get(name)]
    return found[0] if found else None


def _same(name: str, attribute: str, wanted: str, found: str) -> bool:
    """Values that mean the same: libvirt resolves the machine's alias to a version."""
    if name == "type" and attribute == "machine":
        return found == wanted or found.startswith(f"pc-{wanted}-")
    if name == "mac" and attribute == "address":
        return found.lower() == wanted.lower()
    return found == wanted


def _overlay(wanted: Element, result: Element, running: Element) -> None:
    """Put the running values into ``result`` where they are not as declared."""
    declared, persistent, live = units(wanted), units(result), units(running)
    if dict(running.attrib) != dict(wanted.attrib):
        _take_own(result, running)
    for key, element in live.items():
        if not _is_live(key) or (key in declared and _text(element) == _text(declared[key])):
            continue
        old = persistent.get(key)
        if old is not None:
            _merge(old, declared.get(key, etree.Element(element.tag)), element)
        elif key not in declared:
            _place_unit(result, key, copy.deepcopy(element))
    for key, element in persistent.items():
        if _is_live(key) and key not in live:
            element.getparent().remove(element)


def _merge(result: Element, declared: Element, live: Element) -> None:
    """Put into ``result`` (the persistent unit) what runs otherwise than declared."""
    for name in {**declared.attrib, **live.attrib}:
        if live.get(name) == declared.get(name):
            continue
        if live.get(name) is None:
            result.attrib.pop(name, None)
        else:
            result.set(name, live.get(name))
    if len(live) == 0 and live.text != declared.text:
        result.text = live.text
    for child in live:
        wanted, stored = _brother(child, declared), _brother(child, result)
        if wanted is not None and stored is not None:
            _merge(stored, wanted, child)
        elif stored is None and (wanted is None or _text(child) != _text(wanted)):
            result.append(copy.deepcopy(child))
    for child in declared:
        stored = _brother(child, result)
        if _brother(child, live) is None and stored is not None:
            result.remove(stored)


def _place_unit(root: Element, key: Key, element: Element) -> None:
    devices = root.find("devices")
    devices.append(element) if key[0] == "devices" else devices.addprevious(element)


def _is_live(key: Key) -> bool:
    return key[0] in _LIVE or (key[0] == "devices" and key[1] in _LIVE_DEVICES)


def _text(element: Element) -> str:
    return serialise(copy.deepcopy(element))
