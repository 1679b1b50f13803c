"""Checks of a guest on its host: the domain, its size, its disks, its NICs.

What runs and what the next start would use are both compared: a change to only one of them is a
difference too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from functools import partial

from guesthouse.checks import devices, disks, limits, virtual_function
from guesthouse.checks.check import (
    Check,
    Ground,
    Seen,
    SiteFacts,
    equal,
    need,
    repair,
)
from guesthouse.checks.domain import both, domain
from guesthouse.checks.storage import libvirt_id
from guesthouse.facts.guest import Shape
from guesthouse.placement import GuestPlan, NicPlan, Plan

GIB = 1024**3
# virsh's words for the declared power states.
STATES = {"running": "running", "stopped": "shut off", "paused": "paused"}


def domain_id(guest: GuestPlan) -> str:
    """The check that the domain is on its host, which all others of a guest need."""
    return f"{guest.host}: guests.{guest.name}.host"


def running_id(guest: GuestPlan) -> str:
    """The check that the guest runs, which everything inside needs."""
    return f"{guest.host}: guests.{guest.name} running"


def checks(plan: Plan, guest: GuestPlan) -> Iterator[Check]:
    """Every check of one guest from outside."""
    remedy = repair(plan)
    ground = Ground(guest.host, f"guests.{guest.name}", remedy, (libvirt_id(guest.host),))
    yield ground.check("host", "guest is on this host", guest.uuid, partial(_there, guest))
    ground = Ground(guest.host, ground.base, remedy, (domain_id(guest),))
    yield ground.check(
        "",
        "guest has its power state",
        STATES[guest.power],
        partial(_attribute, guest, STATES[guest.power], "state"),
        aspect=guest.power,
    )
    look = partial(_attribute, guest, guest.autostart, "autostart")
    yield ground.check("autostart", "guest starts with its host", guest.autostart, look)
    yield _acceleration(plan, ground, guest)
    yield from _sizes(ground, guest)
    yield from limits.of_guest(ground, guest)
    for disk in guest.disks:
        yield from disks.checks(ground, guest, disk)
    for nic in guest.nics:
        yield from _nic(ground, guest, nic)
    yield from virtual_function.guest_checks(plan, guest, ground)
    yield from devices.checks(ground, guest)
    if guest.cloud_init:
        yield ground.check(
            "cloud_init",
            "cloud-init's seed is attached",
            guest.seed_path,
            partial(both, guest, partial(_seed, guest.seed_path), guest.seed_path),
            aspect="seed",
        )
    yield from _nothing_else(ground, guest)


def _acceleration(plan: Plan, ground: Ground, guest: GuestPlan) -> Check:
    """Declared of the host, and true of each of its guests or not."""
    wanted = plan.hosts[guest.host].host.acceleration
    of_host = dataclasses.replace(ground, base=f"hosts.{guest.host}")
    look = partial(both, guest, lambda shape: shape.acceleration, wanted)
    what = f"guest {guest.name} has its host's acceleration"
    return of_host.check("acceleration", what, wanted, look, aspect=f"of guest {guest.name}")


def _there(guest: GuestPlan, facts: SiteFacts) -> Seen:
    found = need(facts.host(guest.host).hypervisor).domains.get(guest.name)
    return equal(guest.uuid, need(found).uuid) if found else Seen(False, "no such domain")


def _attribute(guest: GuestPlan, wanted: object, name: str, facts: SiteFacts) -> Seen:
    return equal(wanted, getattr(domain(guest, facts), name))


def _memory(guest: GuestPlan, facts: SiteFacts) -> Seen:
    """What it has now, and has after its next start. A running guest may have more plugged in
    than it uses: what it gave back is held by the balloon."""
    found = domain(guest, facts)
    next_start = min(found.config.memory_mib, found.config.boot_memory_mib)
    now = found.live.memory_mib if found.live else next_start
    text = f"{now} MiB" if now == next_start else f"{now} MiB now, {next_start} MiB at next start"
    return Seen(now == next_start == guest.memory_mib, text)


def _sizes(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    rows: tuple[tuple[str, str, object, Callable[[Shape], object]], ...] = (
        ("vcpus", "guest has its vCPUs", guest.vcpus, lambda s: s.vcpus),
        ("vcpus_max", "vCPUs can grow to", guest.vcpus_max, lambda s: s.vcpus_max),
        ("memory_max_mib", "memory can grow to", guest.memory_max_mib, lambda s: s.memory_max_mib),
        ("firmware", "guest has its firmware", guest.firmware, lambda s: s.firmware),
        ("description", "guest has its description", guest.description, lambda s: s.description),
        ("on_crash", "what a crash leads to", guest.on_crash, lambda s: s.on_crash),
        ("panic_device", "guest has a panic device", guest.panic_device, lambda s: s.panic_device),
    )
    if guest.watchdog:
        # Undeclared, the machine type has one all the same.
        rows += (("watchdog", "guest has its watchdog", guest.watchdog, lambda s: s.watchdog),)
    for path, what, wanted, of in rows:
        yield ground.check(path, what, wanted, partial(both, guest, of, wanted))

    wanted = f"{guest.memory_mib} MiB"
    yield ground.check("memory_mib", "guest has its memory", wanted, partial(_memory, guest))

    def machine(shape: Shape) -> str:
        # libvirt writes the version that q35 stood for when the guest was made.
        found = shape.machine
        return found if guest.is_machine_pinned else re.sub("^pc-q35-.*", "q35", found)

    look = partial(both, guest, machine, guest.machine)
    yield ground.check("machine", "guest has its machine type", guest.machine, look)

    def cpu(facts: SiteFacts) -> Seen:
        # The live XML tells the model that was chosen, not the mode that chose it.
        return equal(guest.cpu, domain(guest, facts).config.cpu)

    yield ground.check("cpu", "guest has its CPU mode", guest.cpu, cpu)


def _nic(ground: Ground, guest: GuestPlan, nic: NicPlan) -> Iterator[Check]:
    path = f"nics.{nic.name}"
    kind = "bridge" if nic.bridge else "network"
    wanted = f"{kind} {nic.bridge or nic.libvirt_network}"

    def present(shape: Shape) -> str:
        return nic.mac if nic.mac in shape.nics else ""

    def source(shape: Shape) -> str:
        found = shape.nics.get(nic.mac)
        return f"{found.kind} {found.source}" if found else ""

    look = partial(both, guest, present, nic.mac)
    yield ground.check(f"{path}.mac", "NIC is attached with its MAC", nic.mac, look)
    if nic.kind == "sriov":
        return
    yield ground.check(
        f"{path}.network",
        "NIC is on its network",
        wanted,
        partial(both, guest, source, wanted),
        needs=(ground.id(f"{path}.mac"),),
    )
    yield from limits.of_nic(ground, guest, nic)


def _seed(path: str, shape: Shape) -> str:
    found = shape.disk(path)
    return found.path if found else ""


def _nothing_else(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    paths = {d.path for d in guest.disks} | ({guest.seed_path} if guest.cloud_init else set())
    macs = {n.mac for n in guest.nics}
    seed = (ground.id("cloud_init", "seed"),) if guest.cloud_init else ()

    def disks(shape: Shape) -> tuple[str, ...]:
        other = {t: d for t, d in shape.disks.items() if d.path not in paths and d.device == "disk"}
        return tuple(f"{target} {disk.path}" for target, disk in other.items())

    def nics(shape: Shape) -> tuple[str, ...]:
        return tuple(mac for mac in shape.nics if mac not in macs)

    yield ground.check(
        "disks",
        "guest has no other disks",
        (),
        partial(both, guest, disks, ()),
        needs=(*(ground.id(f"disks.{disk.name}") for disk in guest.disks), *seed),
    )
    yield ground.check(
        "nics",
        "guest has no other NICs",
        (),
        partial(both, guest, nics, ()),
        needs=tuple(ground.id(f"nics.{nic.name}.mac") for nic in guest.nics),
    )
