"""Shares and limits of a running guest: CPU, memory, disks.

What is set and no longer declared goes back to what it is when nobody declares it. Follows
https://libvirt.org/html/libvirt-libvirt-domain.html (parameters by name).
"""

from __future__ import annotations

import libvirt

from guesthouse.effects.units import Element

# VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, which the Python binding does not name.
UNLIMITED_KIB = 9007199254740991
LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
_PERIODS = ("period", "emulator_period", "global_period")
_QUOTAS = ("quota", "emulator_quota", "global_quota")
# cgroup v2's defaults, as libvirt writes them.
_UNDECLARED = {"shares": 100} | dict.fromkeys(_PERIODS, 100_000) | dict.fromkeys(_QUOTAS, -1)
# libvirt's names of the elements of cputune, where they differ.
_SCHEDULER = {
    "shares": libvirt.VIR_DOMAIN_SCHEDULER_CPU_SHARES,
    "period": libvirt.VIR_DOMAIN_SCHEDULER_VCPU_PERIOD,
    "quota": libvirt.VIR_DOMAIN_SCHEDULER_VCPU_QUOTA,
}


def cpu(domain: libvirt.virDomain, wanted: Element | None, running: Element) -> None:
    """``wanted`` is the element cputune, ``running`` the whole live document."""
    declared = {} if wanted is None else {e.tag: e for e in wanted}
    values = {}
    for name, undeclared in _UNDECLARED.items():
        if name in declared:
            values[_SCHEDULER.get(name, name)] = int(declared[name].text)
        elif running.find(f"cputune/{name}") is not None:
            values[_SCHEDULER.get(name, name)] = undeclared
    if values:
        domain.setSchedulerParametersFlags(values, LIVE)
    _pins(domain, wanted, running)


def _pins(domain: libvirt.virDomain, wanted: Element | None, running: Element) -> None:
    """Pins of vCPUs and emulator; what is pinned and not declared may run on every CPU again."""
    every = [True] * int(domain.connect().getInfo()[2])
    now = running.find("cputune")
    for element in (*_pinned(now), *_pinned(wanted)):
        declared = element.getparent() is wanted
        cpus = _cpus(element.get("cpuset"), len(every)) if declared else every
        if element.tag == "emulatorpin":
            domain.pinEmulator(tuple(cpus), LIVE)
        else:
            domain.pinVcpuFlags(int(element.get("vcpu")), tuple(cpus), LIVE)


def _pinned(cputune: Element | None) -> list[Element]:
    return [] if cputune is None else [e for e in cputune if e.tag in ("vcpupin", "emulatorpin")]


def _cpus(text: str, count: int) -> list[bool]:
    """``0-3,^2`` as one truth for each CPU of the host."""
    chosen = [False] * count
    for part in text.split(","):
        first, _, last = part.lstrip("^").partition("-")
        for number in range(int(first), int(last or first) + 1):
            if number < count:
                chosen[number] = not part.startswith("^")
    return chosen


def memory(domain: libvirt.virDomain, wanted: Element | None, running: Element) -> None:
    """``wanted`` is the element memtune, ``running`` the whole live document; limits in KiB."""
    values = {e.tag: UNLIMITED_KIB for e in running.iterfind("memtune/*")}
    values |= {e.tag: int(e.text) for e in wanted} if wanted is not None else {}
    if values:
        domain.setMemoryParameters(values, LIVE)


def disk_weight(domain: libvirt.virDomain, wanted: Element | None) -> None:
    """``wanted`` is the element blkiotune."""
    weight = 100 if wanted is None else int(wanted.findtext("weight"))
    domain.setBlkioParameters({"weight": weight}, LIVE)


def disk(domain: libvirt.virDomain, wanted: Element, running: Element) -> None:
    """The limits of one disk; 0 is none."""
    now, declared = running.find("iotune"), wanted.find("iotune")
    values = dict.fromkeys((e.tag for e in now), 0) if now is not None else {}
    values |= {e.tag: int(e.text) for e in declared} if declared is not None else {}
    if values:
        domain.setBlockIoTune(running.find("target").get("dev"), values, LIVE)
