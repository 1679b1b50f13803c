"""Many guests on the private host, defined as ours are, with their volumes; most stay off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libvirt

from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain, volumes

FOLDER = "/var/tmp/guesthouse-many"  # noqa: S108
POOL = f"<pool type='dir'><name>many</name><target><path>{FOLDER}</path></target></pool>"
MARK = {"site": "many", "project": "p", "stack": "s"}
XML = """<domain type="qemu"><name>g{index}</name><uuid>{uuid}</uuid>
<metadata><guesthouse:guest xmlns:guesthouse="urn:guesthouse:1" site="many" project="p" stack="s"
name="g{index}"/></metadata><memory unit="MiB">16</memory>
<currentMemory unit="MiB">16</currentMemory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os><devices>
<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="{path}"/>
<target dev="vda" bus="virtio"/></disk></devices></domain>"""


def uuid(index: int) -> str:
    return f"00000000-0000-4000-8000-{index:012x}"


def state(host: HostConnection, index: int) -> dict[str, Any]:
    """What the state of such a guest holds, as far as a look needs it."""
    path = f"{FOLDER}/g{index}.root.qcow2"
    disk = {"name": "root", "pool": "many", "volume": f"g{index}.root.qcow2", "path": path}
    disk |= {"size_bytes": 1 << 30, "backing_path": "", "allocation": "thin"}
    document = XML.format(index=index, uuid=uuid(index), path=path)
    seed = {"pool": "many", "volume": f"g{index}.seed.iso", "files": {}}
    declared = {"domain_xml": document, "disks": [disk], "seed": seed}
    told = {"addresses": {}, "ssh_host_keys": []}
    return {**declared, **told, "declared": declared, "nics": [], "connection": {}}


@contextmanager
def define(host: HostConnection, count: int) -> Iterator[None]:
    """``count`` guests, gone at the end."""
    host.root(f"mkdir -p {FOLDER}")
    pool = host.libvirt.storagePoolDefineXML(POOL, 0)
    pool.create(0)
    made: list[libvirt.virDomain] = []
    try:
        for index in range(count):
            wanted = state(host, index)
            assert volumes.find(host.libvirt, "many", wanted["disks"][0]["volume"]) is None
            volumes.make_disk(host.libvirt, wanted["disks"][0])
            volumes.write_seed(host.libvirt, "many", wanted["seed"]["volume"], b"\0" * 4096)
            made.append(domain.define(host.libvirt, wanted["domain_xml"], "t"))
        yield
    finally:
        for found in made:
            domain.remove(found)
        pool.destroy()
        pool.undefine()
        host.root(f"rm -r {FOLDER}")
