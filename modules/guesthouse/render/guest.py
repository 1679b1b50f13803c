"""A guest's documents: domain XML, disks, cloud-init seed.

Follows https://libvirt.org/formatdomain.html and cloud-init's NoCloud data source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse.placement import DiskPlan, GuestPlan
from guesthouse.render.templates import render
from guesthouse.render.xml import canonical


@dataclass(frozen=True)
class DiskDocument:
    """A volume to make: empty, or an overlay on ``backing_path``. Sizes in bytes."""

    name: str
    serial: str
    pool: str
    volume: str
    path: str
    size_bytes: int
    allocation: str
    backing_path: str = ""
    backing_format: str = ""


@dataclass(frozen=True)
class GuestDocument:
    """Everything that makes a guest. ``seed`` maps file names to texts with holes for secrets."""

    name: str
    uuid: str
    domain_xml: str
    disks: tuple[DiskDocument, ...]
    seed_pool: str
    seed_volume: str
    seed_path: str
    seed: Mapping[str, str]


def hole(secret: str) -> str:
    """The place where the provider puts the hash of a secret password."""
    return f"@@password_hash:{secret}@@"


def guest_document(plan: GuestPlan) -> GuestDocument:
    """Render a guest; the domain XML is complete and canonical."""
    return GuestDocument(
        name=plan.name,
        uuid=plan.uuid,
        domain_xml=canonical(render("guest/domain.xml.j2", guest=plan)),
        disks=tuple(_disk(disk) for disk in plan.disks),
        seed_pool=plan.seed_pool,
        seed_volume=plan.seed_volume,
        seed_path=plan.seed_path,
        seed=_seed(plan) if plan.cloud_init else {},
    )


def _disk(disk: DiskPlan) -> DiskDocument:
    return DiskDocument(
        name=disk.name,
        serial=disk.serial,
        pool=disk.pool,
        volume=disk.volume,
        path=disk.path,
        size_bytes=disk.size_bytes,
        allocation=disk.allocation,
        backing_path=disk.image.path if disk.image else "",
        backing_format=disk.image.format if disk.image else "",
    )


def _seed(plan: GuestPlan) -> dict[str, str]:
    """NoCloud's files. The vendor-data makes cloud-init apply the network-config at every boot;
    the provider fills in which instance the guest is, since that depends on what it was before
    (https://docs.cloud-init.io/en/latest/explanation/events.html)."""
    return {
        "meta-data": render("guest/meta-data.j2", guest=plan),
        "user-data": render("guest/user-data.j2", guest=plan, hole=hole),
        "vendor-data": render("guest/vendor-data.j2"),
        "network-config": render("guest/network-config.j2", guest=plan),
    }
