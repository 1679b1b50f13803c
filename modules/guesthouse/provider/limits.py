"""Shares and limits of a running guest: CPU, memory, disks.

What is set and no longer declared goes back to what it is when nobody declares it. Follows
https://libvirt.org/html/libvirt-libvirt-domain.html (parameters by name).
"""

from __future__ import annotations

import libvirt

from guesthouse.effects.units import Element

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


def memory(domain: libvirt.virDomain, wanted: Element | None) -> None:
    """``wanted`` is the element memtune; limits in KiB."""
    names = ("hard_limit", "soft_limit", "swap_hard_limit")
    values = dict.fromkeys(names, libvirt.VIR_DOMAIN_MEMORY_PARAM_UNLIMITED)
    values |= {e.tag: int(e.text) for e in wanted} if wanted is not None else {}
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
