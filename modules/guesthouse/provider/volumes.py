"""A guest's volumes: disks and seed, made and removed through libvirt's storage API.

Follows https://libvirt.org/formatstorage.html. A volume is made in one step by libvirt (it runs
qemu-img itself), so it is there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary
from xml.etree import ElementTree

import libvirt

from guesthouse.errors import MachineError, Problem
from guesthouse.machine.libvirt_handle import is_test

CHUNK = 256 * 1024


class Found(NamedTuple):
    """A volume that is there, and its capacity in bytes."""

    volume: libvirt.virStorageVol
    size_bytes: int


# Pools by name, looked up once per connection.
_pools: WeakKeyDictionary[libvirt.virConnect, dict[str, libvirt.virStoragePool]] = (
    WeakKeyDictionary()
)
# What a known pool says when it was stopped, or made anew by somebody.
_OTHERWISE = (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_OPERATION_INVALID)


def pool(handle: libvirt.virConnect, name: str) -> libvirt.virStoragePool:
    """The pool by name."""
    known = _pools.setdefault(handle, {})
    try:
        if name not in known:
            known[name] = handle.storagePoolLookupByName(name)
        return known[name]
    except libvirt.libvirtError as error:
        raise _unusable(name, error) from error


def _unusable(name: str, error: libvirt.libvirtError) -> MachineError:
    return MachineError(
        Problem(f"pool {name}", "can't be used", got=str(error.get_error_message()))
    )


def _again(handle: libvirt.virConnect, name: str) -> libvirt.virStoragePool:
    """The pool as it is now, started."""
    _pools[handle].pop(name, None)
    found = pool(handle, name)
    try:
        if not found.isActive():
            found.create(0)
    except libvirt.libvirtError as error:
        raise _unusable(name, error) from error
    return found


def _lookup(
    handle: libvirt.virConnect, pool_name: str, volume: str
) -> libvirt.virStorageVol | None:
    """The volume as libvirt lists it. Every use of a pool begins with this, so a pool that was
    stopped or made anew is noticed here."""
    try:
        return pool(handle, pool_name).storageVolLookupByName(volume)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in _OTHERWISE:
            return None
    try:
        return _again(handle, pool_name).storageVolLookupByName(volume)
    except libvirt.libvirtError:
        return None


def find(handle: libvirt.virConnect, pool_name: str, volume: str) -> Found | None:
    """The volume, or None. A file that somebody removed is gone, though libvirt still lists it."""
    found = _lookup(handle, pool_name, volume)
    if found is None:
        return None
    try:
        return Found(found, int(found.info()[1]))
    except libvirt.libvirtError:
        pool(handle, pool_name).refresh(0)
        return None


def _document(
    name: str,
    capacity_bytes: int,
    format: str,
    backing: tuple[str, str] | None = None,
    allocation_bytes: int = 0,
) -> str:
    """The XML of a volume that only root and QEMU may read; ``backing`` is (path, format)."""
    root = ElementTree.Element("volume")
    ElementTree.SubElement(root, "name").text = name
    ElementTree.SubElement(root, "capacity", unit="bytes").text = str(capacity_bytes)
    ElementTree.SubElement(root, "allocation", unit="bytes").text = str(allocation_bytes)
    target = ElementTree.SubElement(root, "target")
    ElementTree.SubElement(target, "format", type=format)
    permissions = ElementTree.SubElement(target, "permissions")
    ElementTree.SubElement(permissions, "mode").text = "0600"
    if backing:
        store = ElementTree.SubElement(root, "backingStore")
        ElementTree.SubElement(store, "path").text = backing[0]
        ElementTree.SubElement(store, "format", type=backing[1])
    return ElementTree.tostring(root, encoding="unicode")


def make_disk(handle: libvirt.virConnect, disk: Mapping[str, Any]) -> None:
    """An empty qcow2, or an overlay on an image. ``size_bytes`` is its virtual size; with
    ``allocation`` full it has all its room from the start."""
    backing = (disk["backing_path"], disk["backing_format"]) if disk["backing_path"] else None
    full = disk["allocation"] == "full"
    allocation = int(disk["size_bytes"]) if full else 0
    text = _document(disk["volume"], disk["size_bytes"], "qcow2", backing, allocation)
    # With as much allocated as there is room, libvirt makes qemu-img preallocate all of it.
    flags = libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA if full else 0
    pool(handle, disk["pool"]).createXML(text, flags)


def write_seed(handle: libvirt.virConnect, pool_name: str, volume: str, data: bytes) -> None:
    """A raw volume with these bytes, readable by root and QEMU only: it may hold hashes.

    One of the same size is written in place, so that a running QEMU has the new bytes for its
    guest's next boot, the only time when a guest reads them. Another size needs a new file: the
    running QEMU keeps the old one, which it knows the size of.
    """
    there = find(handle, pool_name, volume)
    if there is not None and there.size_bytes != len(data):
        there.volume.delete(0)
        there = None
    text = _document(volume, len(data), "raw")
    made = there.volume if there else pool(handle, pool_name).createXML(text, 0)
    if is_test(handle):
        # libvirt's test driver has volumes without contents.
        return
    stream = handle.newStream(0)
    try:
        made.upload(stream, 0, len(data), 0)
        for start in range(0, len(data), CHUNK):
            stream.send(data[start : start + CHUNK])
        stream.finish()
    except libvirt.libvirtError:
        # Half a seed is none; the next `up` sees that it is missing.
        made.delete(0)
        raise


def remove(handle: libvirt.virConnect, volumes: Iterable[tuple[str, str]]) -> None:
    """Delete volumes by (pool, name); what is gone already is no error."""
    for pool_name, volume in volumes:
        found = _lookup(handle, pool_name, volume)
        if found is not None:
            found.delete(0)
