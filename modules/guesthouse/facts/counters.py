"""What a host and its guests have counted so far: one look in one round trip, nothing waited for.

Follows proc_stat(5), proc_meminfo(5), virsh(1) domstats and
https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectGetAllDomainStats. Rates are for
whoever looks again (Prometheus); `guesthouse.facts.status` makes them itself, of two looks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from guesthouse.facts import functions, virsh
from guesthouse.facts.functions import PfStatus
from guesthouse.facts.health import heard
from guesthouse.facts.question import Question
from guesthouse.facts.status import OFF, SAMPLE, STATES, domains, parts
from guesthouse.facts.together import NotAnswered, read_or_not
from guesthouse.facts.virsh import number

Numbers = Mapping[str, int]


@dataclass(frozen=True)
class HostCounters:
    """CPU seconds of all processors since boot by mode (``user`` has what guests used), memory in
    bytes, and by NIC ``receive_bytes`` and ``transmit_bytes``."""

    cpu_s: Mapping[str, float]
    memory_total_bytes: int
    memory_available_bytes: int
    nics: Mapping[str, Numbers]


@dataclass(frozen=True)
class PoolUse:
    """A storage pool in bytes; of a folder, what its file system has and has given away."""

    capacity_bytes: int
    allocation_bytes: int


@dataclass(frozen=True)
class GuestCounters:
    """A guest; of one that is off only ``state``, ``health``, ``vcpus`` and ``balloon_bytes``.

    ``cpu_s`` is all of its QEMU, in seconds; ``vcpu_s`` by vCPU: ``time``, ``delay`` (ready, and
    the host ran something else: steal), ``wait`` (for the host's input and output). ``disks`` and
    ``nics`` have libvirt's names without the number (``rd.bytes``); a disk is called by its serial
    or target, a NIC by its MAC. Received is what the guest received.
    """

    state: str
    health: str
    reason: str
    vcpus: int
    cpu_s: float | None
    vcpu_s: Mapping[int, Mapping[str, float]]
    balloon_bytes: Numbers
    disks: Mapping[str, Numbers]
    nics: Mapping[str, Numbers]


@dataclass(frozen=True)
class Counters:
    """A host, its running pools and all guests that its libvirt knows, by name, and its cards that
    have virtual functions, by interface."""

    host: HostCounters
    pools: Mapping[str, PoolUse]
    guests: Mapping[str, GuestCounters]
    physical_functions: Mapping[str, PfStatus]


# Seconds for all guest agents together; who is not heard by then has no health.
_AGENTS_S = 4
# libvirt's own numbers of a folder are those of its last refresh, hence stat. A line that looks
# like a mark of ours is moved.
_POOLS = f"""
pools() {{
  all=$(virsh -q -c {virsh.SYSTEM} pool-list --uuid \\
    | sed -n 's/..*/pool-dumpxml &;/p' | tr '\\n' ' ')
  if [ -z "$all" ]; then return; fi
  told=$(LC_ALL=C virsh -q -c {virsh.SYSTEM} "$all" | sed 's/^==/ ==/')
  printf '%s\\n' "$told"
  printf '%s\\n' "$told" | sed -n 's,^    <path>\\(.*\\)</path>$,\\1,p' | while read -r path; do
    echo "fs $(timeout 3 stat -f -c '%S %b %f' -- "$path" 2>/dev/null) $path"
  done
}}
"""
# sysconf(_SC_CLK_TCK): the same on every Linux that libvirt's QEMU driver runs on.
_TICKS_PER_S = 100
_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def counters() -> Question[Counters]:
    """What a host, its pools, guests and virtual functions have counted."""
    mark = "$(cat /proc/uptime)"
    return Question(
        f"{SAMPLE}{_POOLS}\n"
        f"sample a && {{ agents timeout {_AGENTS_S}; echo '== a pools' {mark}; pools; "
        f"echo '== a holders' {mark}; held=1; holders; true; }}",
        _parse,
    )


def _parse(output: str) -> Counters:
    texts, _ = parts(output)
    text = {kind: told for (_, kind), told in texts.items()}
    healthy, names = heard(text["agents"]), _names(text["holders"])
    return Counters(
        host=_host(text["time"]),
        pools=dict(_pools(text["pools"])),
        guests={
            name: _guest(values, partial(healthy, name, values), names.get(name, {}))
            for name, values in domains(text["guests"]).items()
        },
        physical_functions=functions.functions(
            text["functions"], text["functions"], text["holders"], lambda first, second: 0.0
        ),
    )


def _host(text: str) -> HostCounters:
    ticks = [int(word) for word in re.findall(r"(?m)^cpu +(.*)$", text)[0].split()]
    memory = {k: int(v) * 1024 for k, v in re.findall(r"(?m)^(Mem\w+): +(\d+) kB", text)}
    nics = re.findall(r"(?m)^nic (\S+) (\d+) (\d+)$", text)
    return HostCounters(
        # What guests used is in user and nice, and once more in the columns after steal.
        cpu_s={mode: n / _TICKS_PER_S for mode, n in zip(_MODES, ticks, strict=False)},
        memory_total_bytes=memory["MemTotal"],
        memory_available_bytes=memory["MemAvailable"],
        nics={n: {"receive_bytes": int(r), "transmit_bytes": int(t)} for n, r, t in nics},
    )


def _pools(text: str) -> Iterator[tuple[str, PoolUse]]:
    found = re.findall(r"(?m)^fs (\d+) (\d+) (\d+) (.*)$", text)
    systems = {path: (int(s) * int(b), int(s) * (int(b) - int(f))) for s, b, f, path in found}
    for document in re.findall(r"(?ms)^<pool .*?^</pool>", text):
        root = virsh.xml(document)
        told = tuple(int(root.findtext(key) or 0) for key in ("capacity", "allocation"))
        if root.get("type") in ("dir", "fs", "netfs"):
            told = systems.get(root.findtext("target/path") or "", told)
        yield root.findtext("name") or "", PoolUse(*told)


def _names(text: str) -> dict[str, dict[str, str]]:
    """Running guest -> the host's name of a disk or NIC (vda, vnet3) -> serial, MAC."""
    found = {}
    for root in virsh.domains(text):
        names: dict[str, str] = {}
        for device in (*root.iterfind("devices/disk"), *root.iterfind("devices/interface")):
            target, mac = device.find("target"), device.find("mac")
            called = device.findtext("serial") if mac is None else mac.get("address")
            if target is not None and called and called not in names.values():
                names[target.get("dev") or ""] = called
        found[root.findtext("name") or ""] = names
    return found


def _guest(
    values: Mapping[str, str], healthy: Callable[[], tuple[str, str]], names: Mapping[str, str]
) -> GuestCounters:
    """One guest; of one whose numbers cannot be read only that."""
    found = read_or_not(lambda: _numbers(values, healthy(), names))
    if isinstance(found, NotAnswered):
        return GuestCounters(STATES[0], "unknown", found.reason, 0, None, {}, {}, {}, {})
    return found


def _numbers(
    values: Mapping[str, str], healthy: tuple[str, str], names: Mapping[str, str]
) -> GuestCounters:
    state = STATES[number(values.get("state.state", "0"))]
    # libvirt counts on for a guest that is off: its last process's CPU time still changes.
    on = {} if state in OFF else values
    vcpus: dict[int, dict[str, float]] = {}
    for index, key in _keys(on, "vcpu", "time|delay|wait"):
        vcpus.setdefault(index, {})[key] = number(on[f"vcpu.{index}.{key}"]) / 1e9
    balloon = ("current", "maximum", "unused", "available", "usable", "rss")
    return GuestCounters(
        state=state,
        health=healthy[0],
        # A number that grows would be another time series at every look.
        reason=re.sub(r"was last heard \d+ s ago", "is not heard any more", healthy[1]),
        vcpus=number(values.get("vcpu.current", "0")),
        cpu_s=number(on["cpu.time"]) / 1e9 if "cpu.time" in on else None,
        vcpu_s=vcpus,
        balloon_bytes={
            key: number(values[f"balloon.{key}"]) * 1024
            for key in balloon
            if f"balloon.{key}" in values
        },
        disks=_devices(on, "block", r"(?:rd|wr)\.(?:bytes|reqs)|allocation|capacity", names),
        nics=_devices(on, "net", r"(?:rx|tx)\.(?:bytes|pkts|drop)", names),
    )


def _keys(values: Mapping[str, str], kind: str, wanted: str) -> Iterator[tuple[int, str]]:
    for key in values:
        if found := re.fullmatch(rf"{kind}\.(\d+)\.({wanted})", key):
            yield number(found[1]), found[2]


def _devices(
    values: Mapping[str, str], kind: str, wanted: str, names: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for index, key in _keys(values, kind, wanted):
        name = values.get(f"{kind}.{index}.name", str(index))
        found.setdefault(names.get(name, name), {})[key] = number(values[f"{kind}.{index}.{key}"])
    return found
