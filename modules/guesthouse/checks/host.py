"""Checks of a host: reach, capacity, packages, services, files, bridges."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator
from functools import partial

from guesthouse.checks.before import KEPT_MIB, KEPT_SHARE
from guesthouse.checks.check import (
    Check,
    Ground,
    Seen,
    SiteFacts,
    Unanswered,
    equal,
    need,
    repair,
    words,
)
from guesthouse.facts.host import BridgeFact, FileFact, ServiceFact
from guesthouse.placement import HostPlan, Plan


def reach_id(host: str) -> str:
    """The check that all others of a host need."""
    return f"{host}: hosts.{host}.address"


def checks(plan: Plan, item: HostPlan) -> Iterator[Check]:
    """Every check of one host."""
    remedy = repair(plan)
    ground = Ground(item.name, f"hosts.{item.name}", remedy, (reach_id(item.name),))
    yield _reach(item)
    yield from _capacity(ground, item)
    for name in item.host.packages:
        look = partial(_package, item.name, name)
        yield ground.check(f"packages.{name}", "package is installed", True, look)
    for unit in item.host.services:
        yield from _services(ground, item, unit)
    for path in item.host.files:
        yield from _files(ground, item, path)
    for name in item.host.bridges:
        yield from _bridges(ground, item, name)


def test_driver(item: HostPlan) -> Check:
    """The one check of a host of libvirt's test driver, which is always left out."""
    return Check(
        path=f"hosts.{item.name}.libvirt_uri",
        machine=item.name,
        what="host is a machine",
        wanted="a machine",
        look=lambda facts: Seen(False, str(item.host.libvirt_uri)),
        severity="info",
    )


def _reach(item: HostPlan) -> Check:
    def look(facts: SiteFacts) -> Seen:
        found = facts.hosts.get(item.name, "the host was not asked")
        return Seen(not isinstance(found, str), found if isinstance(found, str) else "it answers")

    return Check(
        path=f"hosts.{item.name}.address",
        machine=item.name,
        what="host answers over ssh",
        wanted="it answers",
        look=look,
        remedy="see that the host is up, and that address, port, user and host_keys are right",
    )


def _capacity(ground: Ground, item: HostPlan) -> Iterator[Check]:
    declared, host = item.host, item.name

    def memory(facts: SiteFacts) -> Seen:
        real = need(facts.host(host).size).memory_total_mib
        least = (declared.memory_mib or 0) * (1 - KEPT_SHARE) - KEPT_MIB
        return Seen(real >= least, f"{real} MiB for the kernel to use")

    def vcpus(facts: SiteFacts) -> Seen:
        real = need(facts.host(host).size).vcpus
        return Seen(real >= (declared.vcpus or 0), str(real))

    real = dataclasses.replace(ground, remedy="declare what the host really has")
    if declared.memory_mib is not None:
        wanted = f"{declared.memory_mib} MiB"
        yield real.check("memory_mib", "host has the declared memory", wanted, memory)
    if declared.vcpus is not None:
        wanted = f"at least {declared.vcpus}"
        yield real.check("vcpus", "host has the declared processors", wanted, vcpus)


def _package(host: str, name: str, facts: SiteFacts) -> Seen:
    return equal(True, name in need(facts.host(host).packages))


def _services(ground: Ground, item: HostPlan, unit: str) -> Iterator[Check]:
    service = item.host.services[unit]

    def fact(facts: SiteFacts) -> ServiceFact:
        return need(facts.host(ground.machine).services)[unit]

    def state(facts: SiteFacts, kind: str) -> Seen:
        found = fact(facts)
        wanted, seen = getattr(service, kind), getattr(found, kind)
        return Seen(wanted == seen, words(seen) if found.exists else "no such unit")

    yield ground.check(
        f"services.{unit}.enabled",
        "unit starts at boot",
        service.enabled,
        partial(state, kind="enabled"),
    )
    yield ground.check(
        f"services.{unit}.running", "unit runs", service.running, partial(state, kind="running")
    )


def _files(ground: Ground, item: HostPlan, path: str) -> Iterator[Check]:
    file, base = item.host.files[path], f"files.{path}"

    def fact(facts: SiteFacts) -> FileFact | None:
        return need(facts.host(ground.machine).files).get(path)

    def content(facts: SiteFacts) -> Seen:
        found = fact(facts)
        if found is None:
            return Seen(False, "no such file")
        return _difference(file.content, found.content)

    def about(facts: SiteFacts, kind: str) -> Seen:
        found = fact(facts)
        if found is None:
            raise Unanswered(f"failed: {ground.id(f'{base}.content')}")
        return equal(getattr(file, kind), getattr(found, kind))

    wanted = f"{len(file.content.encode())} bytes as declared"
    yield ground.check(f"{base}.content", "file has its content", wanted, content)
    for kind in ("mode", "owner", "group"):
        yield ground.check(
            f"{base}.{kind}", f"file has its {kind}", getattr(file, kind), partial(about, kind=kind)
        )


def _difference(wanted: str, seen: str) -> Seen:
    """The first line that differs, on both sides."""
    if wanted == seen:
        return Seen(True, f"{len(seen.encode())} bytes as declared")
    ours, theirs = wanted.splitlines(keepends=True), seen.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    i, j = next((i, j) for tag, i, _, j, _ in blocks if tag != "equal")

    def line(lines: list[str], index: int) -> str:
        return f"line {index + 1}: {lines[index]!r}" if index < len(lines) else "the end of file"

    return Seen(False, line(theirs, j), line(ours, i))


def _bridges(ground: Ground, item: HostPlan, name: str) -> Iterator[Check]:
    bridge, base = item.host.bridges[name], f"bridges.{name}"

    def fact(facts: SiteFacts) -> BridgeFact | None:
        return need(facts.host(ground.machine).bridges).get(name)

    def exists(facts: SiteFacts) -> Seen:
        found = fact(facts)
        state = "no such bridge" if found is None else "up" if found.up else "down"
        return Seen(state == "up", state)

    def part(facts: SiteFacts) -> BridgeFact:
        found = fact(facts)
        if found is None:
            raise Unanswered(f"failed: {ground.id(base)}")
        return found

    def address(facts: SiteFacts) -> Seen:
        seen = part(facts).addresses
        return Seen(seen == ((bridge.address,) if bridge.address else ()), words(seen))

    yield ground.check(base, "bridge is there and up", "up", exists)
    yield from _uplink(ground, item, name, part)
    wanted = bridge.address or "none"
    yield ground.check(f"{base}.address", "host has this address on the bridge", wanted, address)


def _uplink(
    ground: Ground, item: HostPlan, name: str, part: Callable[[SiteFacts], BridgeFact]
) -> Iterator[Check]:
    """The bridge's member towards the wire: a NIC, or one VLAN of it."""
    bridge, base = item.host.bridges[name], f"bridges.{name}"

    def nic(facts: SiteFacts) -> Seen:
        found = part(facts)
        there = bridge.nic in found.members
        if bridge.vlan:
            there = bridge.nic in [item.nic for item in found.vlans.values()]
        return Seen(there, f"members {words(found.members)}")

    def vlan(facts: SiteFacts) -> Seen:
        found = part(facts)
        seen = [item.id for item in found.vlans.values() if item.nic == bridge.nic]
        tagged = bridge.nic not in found.members
        return Seen(tagged and seen == [bridge.vlan], words(seen if tagged else "untagged"))

    if bridge.nic:
        yield ground.check(f"{base}.nic", "NIC is a member of the bridge", bridge.nic, nic)
    if bridge.vlan:
        what, needs = "bridge has this VLAN of the NIC", (ground.id(f"{base}.nic"),)
        yield ground.check(f"{base}.vlan", what, bridge.vlan, vlan, needs=needs)
