"""The running document of a guest's domain, without what libvirt tells late or leaves in it."""

from __future__ import annotations

import libvirt

from guesthouse.effects.units import parse, serialise


def running(domain: libvirt.virDomain, state: str) -> str | None:
    """The running XML of a domain in that power state; None when it is off."""
    if state == "stopped":
        return None
    live = str(domain.XMLDesc(0))
    return without_idle_pins(live, int(domain.connect().getInfo()[2])) if "pin " in live else live


def balloon_kib(domain: libvirt.virDomain) -> int:
    """The memory (KiB) that a running guest's balloon leaves it; 0 when there is none."""
    try:
        return int(domain.memoryStats().get("actual", 0))
    except libvirt.libvirtError:
        return 0


def with_balloon(domain: libvirt.virDomain, live: str) -> str:
    """The running XML with the memory that the balloon has now: QEMU tells libvirt at most once a
    second (qapi/machine.json, BALLOON_CHANGE)."""
    actual = balloon_kib(domain)
    root = parse(live)
    told = root.find("currentMemory")
    if told is None or not actual:
        return live
    told.text = str(actual)
    return serialise(root)


def without_idle_pins(live: str, cpus: int) -> str:
    """A pin that was taken back stays in libvirt's document as one to every one of the host's
    ``cpus``."""
    if "<vcpupin " not in live and "<emulatorpin " not in live:
        return live
    root, last = parse(live), cpus - 1
    for pin in root.xpath("cputune/vcpupin | cputune/emulatorpin"):
        if pin.get("cpuset") == (f"0-{last}" if last else "0"):
            pin.getparent().remove(pin)
    cputune = root.find("cputune")
    if len(cputune) == 0:
        root.remove(cputune)
    return serialise(root)
