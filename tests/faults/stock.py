"""The control: the same guest by upstream's pulumi_libvirt alone, through the same wire.

On the QEMU driver of that libvirtd, since upstream asks for machine types, which the test driver
does not have.
"""

from __future__ import annotations

import json
from pathlib import Path

from project import EngineProject

from faults.world import POOL, SHAPES, World
from guesthouse.cli.locks import clear_dead
from guesthouse.cli.project import Project

PROGRAM = f"""\
import json
import pulumi
import pulumi_libvirt as libvirt

shape = json.load(open("shape.json"))
provider = libvirt.Provider("t1", uri=shape["uri"])
options = pulumi.ResourceOptions(provider=provider)
if shape["guest"]:
    volumes = [
        libvirt.Volume(
            name,
            name=f"g0.{{name}}.qcow2",
            pool="{POOL}",
            format="qcow2",
            size=1 << 30,
            opts=options,
        )
        for name in ("root", "data", "seed")
    ]
    libvirt.Domain(
        "g0",
        name="g0",
        type="qemu",
        graphics=libvirt.DomainGraphicsArgs(type="vnc", listen_type="address"),
        memory=shape["memory_mib"],
        vcpu=shape["vcpus"],
        description=shape["description"],
        autostart=shape["autostart"] == "true",
        disks=[{{"volume_id": volume.id}} for volume in volumes],
        opts=options,
    )
"""
VOLUMES = {"g0.root.qcow2", "g0.data.qcow2", "g0.seed.qcow2"}


class Stock(World):
    """What its users have: `pulumi up` again, and dead locks taken away for them."""

    provider = "pulumi-resource-libvirt"
    driver = "qemu+unix:///system"
    volumes = VOLUMES

    def make(self, folder: Path) -> EngineProject:
        place = folder.parent / "pool"
        place.mkdir()
        document = (
            f"<pool type='dir'><name>{POOL}</name><target><path>{place}</path></target></pool>"
        )
        self.eye.storagePoolCreateXML(document)
        self.project = EngineProject(folder, PROGRAM)
        self.declare(None)
        self.project.pulumi("up", "--yes", "--skip-preview")
        return self.project

    def declare(self, shape: int | None) -> None:
        values = {"uri": self.uri, "guest": shape is not None, **SHAPES[shape or 0]}
        (self.project.root / "shape.json").write_text(json.dumps(values))

    def recover(self) -> str:
        self.wire.reset()
        clear_dead(Project(self.project.root), "test")
        result = self.project.run("up", "--yes", "--skip-preview")
        return "" if result.returncode == 0 else (result.stdout + result.stderr)[-1500:]

    def _misshapen(self, shape: dict[str, object]) -> str:
        # Its users cannot grow a disk in place: the size is left out.
        return super()._misshapen({**shape, "size_gib": 1})
