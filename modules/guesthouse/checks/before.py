"""Preflight: what would make an `up` fail, told before anything is touched. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from guesthouse.checks import cards
from guesthouse.checks.finding import Finding, Status
from guesthouse.checks.row import Row
from guesthouse.facts.capacity import CapacityFact
from guesthouse.placement import HostPlan, Plan

GIB = 1024**3
# The firmware and the kernel keep a part of the memory that was paid for.
KEPT_SHARE, KEPT_MIB = 0.10, 64
# Debian's and Fedora's packages that bring the hypervisor and its emulator.
LIBVIRT = ("libvirt-daemon-system", "libvirt-daemon", "libvirt", "libvirt-daemon-kvm")
QEMU = ("qemu-system-x86", "qemu-system", "qemu-kvm")


def preflight(plan: Plan, facts: Mapping[str, CapacityFact | str]) -> list[Finding]:
    """Findings of all hosts; a text instead of facts says why a host did not answer."""
    findings = []
    for name, item in plan.hosts.items():
        if not item.has_ssh:
            continue
        if item.host.maintenance:
            what = "host is in maintenance"
            row = Row(f"hosts.{name}.maintenance", what, True, "", "", "", "info")
            findings.append(_finding(name, row, "not checked"))
            continue
        found = facts.get(name, "the host was not asked")
        rows = _unreachable(item, found) if isinstance(found, str) else _rows(plan, item, found)
        findings += [_finding(name, row, "passed" if row.ok else "failed") for row in rows]
    return findings


def _finding(host: str, row: Row, status: Status) -> Finding:
    return Finding(
        severity=row.severity,
        status=status,
        id=f"{host}: {row.path} {row.what}",
        path=row.path,
        machine=host,
        what=row.what,
        seen=row.seen,
        wanted=row.wanted,
        remedy=row.remedy if status == "failed" else "",
    )


def _unreachable(item: HostPlan, reason: str) -> Iterator[Row]:
    remedy = "see that it is up, and that address, port, user and host_keys are right"
    path, what = f"hosts.{item.name}.address", "host answers over ssh"
    yield Row(path, what, False, reason, "it answers", remedy)


def _rows(plan: Plan, item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    yield from _memory(plan, item, fact)
    if any(guest.host == item.name for guest in plan.guests.values()):
        yield from _hypervisor(item, fact)
    yield from _machines(plan, item, fact)
    yield from _bridges(item, fact)
    yield from cards.rows(plan, item, fact)
    yield from _disks(plan, item, fact)


def _memory(plan: Plan, item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    base, real = f"hosts.{item.name}", fact.memory_total_mib
    seen = f"{real} MiB"
    if item.host.memory_mib is not None:
        least = item.host.memory_mib * (1 - KEPT_SHARE) - KEPT_MIB
        what, wanted = "host has the declared memory", f"{item.host.memory_mib} MiB"
        remedy = "declare what the host really has"
        yield Row(f"{base}.memory_mib", what, real >= least, seen, wanted, remedy)
    needed = sum(guest.memory_mib for guest in plan.guests.values() if guest.host == item.name)
    if needed:
        what, wanted = "the guests fit into the host's memory", f"at least {needed} MiB"
        remedy = "make guests smaller or move them to another host"
        yield Row(base, what, needed <= real, seen, wanted, remedy)


def _hypervisor(item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    base, packages = f"hosts.{item.name}", f"hosts.{item.name}.packages"
    yield Row(
        base,
        "host is x86-64",
        fact.arch == "x86_64",
        fact.arch,
        "x86_64",
        "use another host",
    )
    yield from _acceleration(item, fact)
    yield _software(item, packages, "libvirt is installed", fact.has_libvirt, LIBVIRT)
    yield _software(item, packages, "QEMU is installed", bool(fact.qemu), QEMU)
    if fact.has_libvirt:
        seen = fact.libvirt_version or "no answer on qemu:///system"
        remedy = "look at it: systemctl status libvirtd.service"
        ok = bool(fact.libvirt_version)
        yield Row(base, "libvirt answers", ok, seen, "it answers", remedy)


def _acceleration(item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    """One row for one lack: without the device libvirt has nothing to offer."""
    path, wanted = f"hosts.{item.name}.acceleration", item.domain_type
    remedy = f"install an emulator of x86-64 ({QEMU[0]})"
    if wanted == "kvm":
        remedy = (
            "switch virtualisation on in the firmware and load kvm_intel or kvm_amd; "
            f"or say {path}: tcg, which needs neither and is many times slower"
        )
        seen = "yes" if fact.has_kvm else "no"
        yield Row(path, "/dev/kvm can be used", fact.has_kvm, seen, "yes", remedy)
    # What this `up` installs has not been asked yet.
    if fact.qemu and fact.libvirt_version and (fact.has_kvm or wanted != "kvm"):
        seen = f"of type {', '.join(sorted(fact.domain_types)) or 'none'}"
        ok, what = wanted in fact.domain_types, "libvirt offers domains of this type"
        yield Row(path, what, ok, seen, f"of type {wanted}", remedy)


def _machines(plan: Plan, item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    # Where QEMU is not there yet, nobody knows what it will have.
    for guest in plan.guests.values() if fact.qemu else ():
        if guest.host == item.name and guest.is_machine_pinned:
            ok, path = guest.machine in fact.machines, f"guests.{guest.name}.machine"
            what, seen = "host has the machine type", "yes" if ok else "no such machine type"
            remedy = f"list them on the host: {fact.qemu} -machine help"
            yield Row(path, what, ok, seen, guest.machine, remedy)


def _software(
    item: HostPlan, path: str, what: str, is_there: bool, packages: tuple[str, ...]
) -> Row:
    """Installed, or among the declared packages: then this same `up` installs it."""
    declared = [name for name in packages if name in item.host.packages]
    seen = "yes" if is_there else "no, this `up` installs it" if declared else "no"
    remedy = f"add {packages[0]} to {path}"
    return Row(path, what, is_there or bool(declared), seen, "yes", remedy)


def _bridges(item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    nics: dict[str, str] = {}
    for name, bridge in item.host.bridges.items():
        # Bridges on VLANs may share a NIC: it is one thing that is there or not.
        if bridge.nic and nics.setdefault(bridge.nic, name) == name:
            ok = bridge.nic in fact.nics
            what, remedy = "host has the bridge's NIC", "list them on the host: ip -br link"
            seen = "yes" if ok else "no such interface"
            path = f"hosts.{item.name}.bridges.{name}.nic"
            yield Row(path, what, ok, seen, bridge.nic, remedy)
    if item.host.bridges:
        yield Row(
            f"hosts.{item.name}.bridges",
            "systemd-networkd is active",
            fact.networkd,
            "yes" if fact.networkd else "no",
            "yes",
            "`up` starts it: see that no other network manager has the same NICs",
            "warning",
        )


def _disks(plan: Plan, item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    for pool in plan.pools:
        if pool.host != item.name or pool.path not in fact.free_bytes:
            continue
        full = sum(
            disk.size_bytes
            for guest in plan.guests.values()
            for disk in guest.disks
            if guest.host == item.name and disk.pool == pool.name
        )
        free = fact.free_bytes[pool.path]
        what = "the disks can grow to their full size"
        seen, wanted = f"{free / GIB:.1f} GiB free", f"{full / GIB:.1f} GiB"
        remedy = "watch the free space, or use another pool"
        yield Row(f"pools.{pool.name}.path", what, full <= free, seen, wanted, remedy, "warning")
