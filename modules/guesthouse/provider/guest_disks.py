"""The volumes of one guest: made, grown, read back, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libvirt

from guesthouse.effects.units import parse, units
from guesthouse.errors import Problem, RefusedError
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import asides, ownership, volumes
from guesthouse.provider.resource import Call, Values
from guesthouse.provider.seed import seed_iso

Disk = Mapping[str, Any]


def items(inputs: Values) -> list[tuple[str, str]]:
    """(pool, volume) of everything that a guest owns."""
    found = [(disk["pool"], disk["volume"]) for disk in inputs["disks"]]
    if inputs["seed"]:
        found.append((inputs["seed"]["pool"], inputs["seed"]["volume"]))
    return found


def make(
    call: Call,
    host: HostConnection,
    inputs: Values,
    record: ownership.Record | None,
    keep: bool,
) -> None:
    """Make what is missing. What is there must be ours; what may be half-made is made anew."""
    handle = host.libvirt
    owned = set(record.items) if record else set()
    complete = keep or bool(record and record.complete)
    for disk in inputs["disks"]:
        found = volumes.find(handle, disk["pool"], disk["volume"])
        if found is not None and not host.is_test:
            _refuse_volume(host, inputs, f"{disk['pool']}/{disk['volume']}", owned)
        if found is not None and not complete:
            found.volume.delete(0)
            found = None
        if found is None:
            call.say(f"{inputs['name']}: disk {disk['name']}")
            volumes.make_disk(handle, disk)
    if inputs["seed"] and not (keep and has_seed(host, inputs["seed"])):
        make_seed(host, inputs)


def _refuse_volume(host: HostConnection, inputs: Values, item: str, owned: set[str]) -> None:
    if item not in owned:
        raise RefusedError(
            Problem(
                f"guest {inputs['name']}",
                f"volume {item} is on host '{host.name}' already and was not made by this stack",
                hint="rename the guest, or move that volume away",
            )
        )


def make_seed(host: HostConnection, inputs: Values) -> None:
    """Write the seed; a guest reads it when it boots."""
    seed = inputs["seed"]
    uuid, instance_id = str(inputs["uuid"]), str(inputs.get("instance_id") or "")
    data = seed_iso(seed["files"], inputs["secrets"], uuid, instance_id)
    volumes.write_seed(host.libvirt, seed["pool"], seed["volume"], data)


def renew_seed(host: HostConnection, seen: Values, inputs: Values) -> None:
    """The declared seed in place of the one that is there, where they differ."""
    parts = ("seed", "secrets", "instance_id")
    if inputs["seed"] and any(seen.get(part) != inputs.get(part) for part in parts):
        make_seed(host, inputs)


def has_seed(host: HostConnection, seed: Disk) -> bool:
    """Is the seed there, if there should be one?"""
    return not seed or volumes.find(host.libvirt, seed["pool"], seed["volume"]) is not None


def look(host: HostConnection, declared: Values) -> dict[str, Any]:
    """What is there of the declared volumes: the state's ``disks`` and ``seed``."""
    seed = declared["seed"]
    there = has_seed(host, seed)
    return {"disks": seen(host, declared["disks"]), "seed": seed if there else {}}


def seen(host: HostConnection, disks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The declared disks that are there, with the size (bytes) that they have."""
    there = []
    for disk in disks:
        found = volumes.find(host.libvirt, disk["pool"], disk["volume"])
        if found is not None:
            there.append({**disk, "size_bytes": found.size_bytes})
    return there


def _keyed(disks: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(disk["pool"], disk["volume"]): disk for disk in disks}


def gone(seen: Values, inputs: Values) -> list[dict[str, Any]]:
    """Disks that are there and no longer declared."""
    wanted = _keyed(inputs["disks"])
    return [disk for key, disk in _keyed(seen["disks"]).items() if key not in wanted]


def made_anew(seen: Values, inputs: Values, afresh: bool = False) -> list[dict[str, Any]]:
    """Disks that are there and can't become what is declared: smaller, or of another image; with
    ``afresh`` all that begin as an image."""
    there = _keyed(seen["disks"])
    pairs = [(there[key], disk) for key, disk in _keyed(inputs["disks"]).items() if key in there]
    return [
        old
        for old, disk in pairs
        if old["backing_path"] != disk["backing_path"]
        or old["size_bytes"] > disk["size_bytes"]
        or (afresh and disk["backing_path"])
    ]


def make_new(call: Call, host: HostConnection, inputs: Values, there: list[dict[str, Any]]) -> None:
    """Make the declared disks that are not among those that are ``there``."""
    known = _keyed(there)
    for key, disk in _keyed(inputs["disks"]).items():
        if key not in known:
            call.say(f"{inputs['name']}: disk {disk['name']}")
            volumes.make_disk(host.libvirt, disk)


def grow(
    call: Call, host: HostConnection, domain: libvirt.virDomain, seen: Values, inputs: Values
) -> None:
    """Make disks as large as declared, and what is on them in a running guest."""
    there = _keyed(seen["disks"])
    for key, disk in _keyed(inputs["disks"]).items():
        if key in there and there[key]["size_bytes"] < disk["size_bytes"]:
            _grow(call, host, domain, disk)


def _grow(call: Call, host: HostConnection, domain: libvirt.virDomain, disk: Disk) -> None:
    size = int(disk["size_bytes"])
    if not domain.isActive() or host.is_test:
        found = volumes.find(host.libvirt, disk["pool"], disk["volume"])
        if found is not None:
            found.volume.resize(size, 0)
        return
    running = units(parse(domain.XMLDesc(0)))
    target = next(
        unit.find("target").get("dev")
        for key, unit in running.items()
        if key[:2] == ("devices", "disk") and unit.find("source").get("file") == disk["path"]
    )
    domain.blockResize(target, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    reason = guest_agent.grow_file_system(domain, str(disk["serial"]))
    note = f"; its file system is as it was: {reason}" if reason else ", with what is on it"
    call.say(f"{domain.name()}: disk {disk['name']} has grown{note}")


def remove(call: Call, host: HostConnection, state: Values) -> None:
    """Delete disks and seed of a guest's state, those set aside too."""
    volumes.remove(host.libvirt, items(state["declared"]))
    asides.remove(call, host, str(state["name"]), asides.find(host, state))
