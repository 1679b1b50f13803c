"""What hosts have counted, as rows for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from guesthouse.cli.families import Row
from guesthouse.errors import MachineError
from guesthouse.facts.status import STATES

if TYPE_CHECKING:
    from guesthouse.facts.counters import Counters, GuestCounters, HostCounters
    from guesthouse.facts.functions import PfStatus
    from guesthouse.placement import Plan

# Ours -> libvirt's.
_DISK = {
    "read_bytes_total": "rd.bytes",
    "write_bytes_total": "wr.bytes",
    "read_requests_total": "rd.reqs",
    "write_requests_total": "wr.reqs",
    "allocation_bytes": "allocation",
    "capacity_bytes": "capacity",
}
_NIC = {
    "receive_bytes_total": "rx.bytes",
    "transmit_bytes_total": "tx.bytes",
    "receive_packets_total": "rx.pkts",
    "transmit_packets_total": "tx.pkts",
    "receive_dropped_total": "rx.drop",
    "transmit_dropped_total": "tx.drop",
}
_VCPU = {"": "time", "delay_": "delay", "wait_": "wait"}


def rows(plan: Plan, answers: Mapping[str, Counters | MachineError]) -> Iterator[Row]:
    """All hosts; of one that did not answer only that."""
    nics = {(guest.name, nic.mac): nic.name for guest in plan.guests.values() for nic in guest.nics}
    for name, answer in answers.items():
        at = (plan.identity.stack, name)
        yield "guesthouse_host_up", at, float(not isinstance(answer, MachineError))
        if isinstance(answer, MachineError):
            continue
        yield from _host(at, answer.host)
        for pool, use in answer.pools.items():
            yield "guesthouse_pool_capacity_bytes", (*at, pool), use.capacity_bytes
            yield "guesthouse_pool_allocation_bytes", (*at, pool), use.allocation_bytes
        for guest, seen in answer.guests.items():
            declared = {mac: nic for (owner, mac), nic in nics.items() if owner == guest}
            yield from _guest((*at, guest), seen, declared)
        for card, pf in answer.physical_functions.items():
            yield from _functions((*at, card), pf)


def _host(at: tuple[str, ...], seen: HostCounters) -> Iterator[Row]:
    for mode, seconds in seen.cpu_s.items():
        yield "guesthouse_host_cpu_seconds_total", (*at, mode), seconds
    yield "guesthouse_host_memory_total_bytes", at, seen.memory_total_bytes
    yield "guesthouse_host_memory_available_bytes", at, seen.memory_available_bytes
    for nic, numbers in seen.nics.items():
        for key, value in numbers.items():
            yield f"guesthouse_host_network_{key}_total", (*at, nic), value


def _guest(at: tuple[str, ...], seen: GuestCounters, declared: Mapping[str, str]) -> Iterator[Row]:
    """``declared`` are the names of its NICs in the site file, by MAC."""
    for state in STATES:
        yield "guesthouse_guest_state", (*at, state), float(state == seen.state)
    if seen.health:
        yield "guesthouse_guest_health", (*at, seen.health, seen.reason), 1
    yield "guesthouse_guest_vcpus", at, seen.vcpus
    if seen.cpu_s is not None:
        yield "guesthouse_guest_cpu_seconds_total", at, seen.cpu_s
    for number, seconds in seen.vcpu_s.items():
        for ours, theirs in _VCPU.items():
            if theirs in seconds:
                name = f"guesthouse_guest_vcpu_{ours}seconds_total"
                yield name, (*at, str(number)), seconds[theirs]
    for key, value in seen.balloon_bytes.items():
        yield f"guesthouse_guest_balloon_{key}_bytes", at, value
    for disk, numbers in seen.disks.items():
        yield from _named("guesthouse_guest_disk_", (*at, disk), numbers, _DISK)
    for mac, numbers in seen.nics.items():
        nic = declared.get(mac, mac)
        yield from _named("guesthouse_guest_network_", (*at, nic), numbers, _NIC)


def _named(
    prefix: str, at: tuple[str, ...], numbers: Mapping[str, int], names: Mapping[str, str]
) -> Iterator[Row]:
    for ours, theirs in names.items():
        if theirs in numbers:
            yield f"{prefix}{ours}", at, numbers[theirs]


def _functions(at: tuple[str, ...], pf: PfStatus) -> Iterator[Row]:
    """What nobody counts is absent: a 0 would say that nothing went through."""
    for number, vf in pf.virtual_functions.items():
        labels = (*at, str(number), vf.guest)
        about = (vf.mac, str(vf.vlan) if vf.vlan else "", vf.counted_by)
        yield "guesthouse_vf_info", (*labels, *about), 1
        for key, value in (vf.traffic.total if vf.traffic else {}).items():
            if value is not None:
                yield f"guesthouse_vf_{key}_total", labels, value
