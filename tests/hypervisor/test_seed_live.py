"""A seed is written under a running guest: its QEMU holds the file open, libvirt owns the pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from guesthouse.machine.connections import HostConnection
from guesthouse.provider import guest_disks, volumes
from guesthouse.provider.seed import MIB, seed_iso

pytestmark = pytest.mark.lab

FOLDER = "/var/tmp/guesthouse-seeds"  # noqa: S108
POOL = f"<pool type='dir'><name>seeds</name><target><path>{FOLDER}</path></target></pool>"
GUEST = f"""<domain type="qemu"><name>g1</name><memory unit="MiB">64</memory>
<os><type arch="x86_64" machine="q35">hvm</type></os><devices><disk type="file" device="disk">
<driver name="qemu" type="raw"/><source file="{FOLDER}/g1.seed.iso"/>
<target dev="vdz" bus="virtio"/><readonly/></disk></devices></domain>"""
UUID = "00000000-0000-4000-8000-0000000000c1"


def inputs(runcmd: str, instance_id: str = UUID) -> dict[str, Any]:
    files = {"meta-data": "instance-id: @@instance_id@@\n", "user-data": f"runcmd: [{runcmd}]\n"}
    seed = {"pool": "seeds", "volume": "g1.seed.iso", "files": files}
    return {"seed": seed, "secrets": {}, "uuid": UUID, "instance_id": instance_id}


@pytest.fixture
def running(host: HostConnection) -> Iterator[HostConnection]:
    """A host whose guest g1 runs, with the first seed."""
    host.root(f"mkdir -p {FOLDER}")
    pool = host.libvirt.storagePoolDefineXML(POOL, 0)
    pool.create(0)
    guest_disks.make_seed(host, inputs("first"))
    guest = host.libvirt.createXML(GUEST)
    yield host
    guest.destroy()
    volumes.remove(host.libvirt, [("seeds", "g1.seed.iso")])
    pool.destroy()
    pool.undefine()


def qemus_digest(host: HostConnection) -> str:
    """What the running QEMU would read: the file that it holds open, whatever its name is now."""
    found = host.root(
        "for fd in /proc/$(pgrep -of 'guest=g1')/fd/*; do case $(readlink $fd) in "
        f"{FOLDER}/g1.seed.iso*) sha256sum < $fd; stat -Lc '%U %a' $fd; break;; esac; done"
    )
    digest, _, owner = found.partition("  -\n")
    assert owner.split()[-1] == "600", found
    return digest


def digest(made: dict[str, Any]) -> str:
    data = seed_iso(made["seed"]["files"], {}, UUID, made["instance_id"])
    return hashlib.sha256(data).hexdigest()


def test_a_running_guest_has_the_new_seed_for_its_next_boot(running: HostConnection) -> None:
    first, second = inputs("first"), inputs("second", f"{UUID}-1")
    assert qemus_digest(running) == digest(first)
    guest_disks.renew_seed(running, first, second)
    assert qemus_digest(running) == digest(second) != digest(first)
    guest_disks.renew_seed(running, second, first)
    assert qemus_digest(running) == digest(first)


def test_a_seed_of_another_size_is_for_the_next_start(running: HostConnection) -> None:
    first, long = inputs("first"), inputs("x" * MIB)
    guest_disks.renew_seed(running, first, long)
    assert qemus_digest(running) == digest(first)
    assert running.root(f"sha256sum < {FOLDER}/g1.seed.iso").split()[0] == digest(long)
