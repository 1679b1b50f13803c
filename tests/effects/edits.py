"""Edits of a guest's document and inputs, and looks at what the guest told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

Root = Any
Told = Mapping[str, str]
Edit = Callable[[Root, dict[str, Any]], None]
GIB = 1024**3


def put(path: str, value: str) -> Edit:
    """Give the element or attribute at ``path`` (a/b@c) a value; make what is missing."""

    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        element_path, _, attribute = path.partition("@")
        element = root
        for part in filter(None, element_path.split("/")):
            found = element.find(part)
            element = etree.SubElement(element, part) if found is None else found
        if attribute:
            element.set(attribute, value)
        else:
            element.text = value

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Root, inputs: dict[str, Any]) -> None:
        for one in edits:
            one(root, inputs)

    return edit


def device(xml: str) -> Edit:
    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        root.find("devices").append(etree.fromstring(xml))

    return edit


def put_in(where: str, path: str, value: str) -> Edit:
    """As ``put``, in the element that the XPath ``where`` finds."""

    def edit(root: Root, inputs: dict[str, Any]) -> None:
        put(path, value)(root.xpath(where)[0], inputs)

    return edit


def drop(where: str) -> Edit:
    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        for element in root.xpath(where):
            element.getparent().remove(element)

    return edit


def memory(mib: int) -> Edit:
    kib = str(mib * 1024)
    return both(put("memory", kib), put("currentMemory", kib), put("cpu/numa/cell@memory", kib))


def disk_size(size_gib: int) -> Edit:
    def edit(_root: Root, inputs: dict[str, Any]) -> None:
        inputs["disks"][1]["size_bytes"] = size_gib * GIB

    return edit


def more_disk(root: Root, inputs: dict[str, Any]) -> None:
    data = inputs["disks"][1]
    path = data["path"].replace(".data.", ".more.")
    volume = data["volume"].replace(".data.", ".more.")
    more = {**data, "name": "more", "serial": "more", "path": path, "volume": volume}
    inputs["disks"].append(more)
    xml = '<disk type="file" device="disk"><driver name="qemu" type="qcow2" discard="unmap"/>'
    xml += f'<source file="{path}"/><target dev="vdc" bus="virtio"/><serial>more</serial></disk>'
    device(xml)(root, inputs)


def given(name: str, value: Any) -> Edit:
    def edit(_root: Root, inputs: dict[str, Any]) -> None:
        inputs[name] = value

    return edit


def other_seed(on_change: str) -> Edit:
    """A file more at first boot."""

    def edit(_root: Root, inputs: dict[str, Any]) -> None:
        files = dict(inputs["seed"]["files"])
        item = f"{{path: /etc/seed-says, content: {on_change}}}"
        files["user-data"] += f"write_files: [{item}]\n"
        inputs["seed"] = {**inputs["seed"], "files": files, "on_change": on_change}

    return edit


def no_data_disk(root: Root, inputs: dict[str, Any]) -> None:
    inputs["disks"] = inputs["disks"][:1]
    drop("devices/disk[serial='data']")(root, inputs)


def grows(key: str, least: int) -> Callable[[Told, Told], bool]:
    return lambda before, after: int(after[key]) - int(before[key]) >= least


def told(key: str, value: str) -> Callable[[Told, Told], bool]:
    return lambda _before, after: after[key] == value


# The lab's spare card.
_SPARE_CARD = """\
<hostdev mode="subsystem" type="pci" managed="yes"><driver name="vfio"/>
<source><address domain="0x0000" bus="0x02" slot="0x00" function="0x0"/></source>
<alias name="ua-spare"/></hostdev>"""


def host_device(root: Root, inputs: dict[str, Any]) -> None:
    spare = {"name": "spare", "pci_address": "0000:02:00.0"}
    inputs["devices"] = [{**spare, "mdev_type": "", "mdev_uuid": "", "parent": ""}]
    device(_SPARE_CARD)(root, inputs)


def no_host_device(root: Root, inputs: dict[str, Any]) -> None:
    inputs["devices"] = []
    drop("devices/hostdev")(root, inputs)


def more_nics(before: Told, after: Told) -> bool:
    """One card more inside."""
    return int(after["nics"]) - int(before["nics"]) == 1


def fewer_nics(before: Told, after: Told) -> bool:
    """One card less inside."""
    return int(before["nics"]) - int(after["nics"]) == 1
