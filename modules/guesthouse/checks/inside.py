"""Checks inside a guest: identity, size, disks, NICs, and that its first boot went well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_interface, ip_network

from guesthouse.checks import accounts, routing, virtual_function
from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need, words
from guesthouse.checks.guest import GIB, running_id
from guesthouse.checks.host import reach_id
from guesthouse.facts.inside import InsideFact, NicFact, SystemFact
from guesthouse.placement import DiskPlan, GuestPlan, NicPlan, Plan

# What QEMU's firmware keeps of the memory for its tables and, with UEFI, its services.
KEPT_MIB = 32
# A root file system that fills its disk: less boot partitions, inode tables and journal.
FILLED_SHARE = 0.80
Look = Callable[[SiteFacts], Seen]
REMEDY = "look inside: `guesthouse ssh {guest}`; the first boot decides it, `up` does not redo it"


def answers_id(guest: str) -> str:
    """The check that the guest answers, which all others inside need."""
    return f"{guest}: guests.{guest} ssh"


def checks(plan: Plan, guest: GuestPlan) -> Iterator[Check]:
    """Every check inside one guest. Without a user with a key there is no way in, and no check;
    nor in one that is declared not to run."""
    base = f"guests.{guest.name}"
    if not guest.login or guest.power != "running":
        return
    door = Ground(guest.name, base, f"its serial log: {guest.serial_log} on {guest.host}")
    needs = (reach_id(guest.host), running_id(guest))
    yield door.check(
        "", "guest answers over ssh", "it answers", _answers(guest), aspect="ssh", needs=needs
    )
    ground = Ground(guest.name, base, REMEDY.format(guest=guest.name), (answers_id(guest.name),))
    yield _first_boot(ground, guest)
    yield from _identity(ground, plan, guest)
    yield from _size(ground, guest)
    for disk in guest.disks:
        yield from _disk(ground, guest, disk)
    for nic in guest.nics:
        yield from _nic(ground, guest, nic)
    yield from virtual_function.inside_checks(plan, guest, ground)
    yield from accounts.checks(ground, guest)


def _system(guest: GuestPlan, facts: SiteFacts) -> SystemFact:
    return need(facts.guest(guest.name).system)


def _answers(guest: GuestPlan) -> Look:
    def look(facts: SiteFacts) -> Seen:
        found = facts.guests.get(guest.name, "the guest was not asked")
        return Seen(not isinstance(found, str), found if isinstance(found, str) else "it answers")

    return look


def _first_boot(ground: Ground, guest: GuestPlan) -> Check:
    def look(facts: SiteFacts) -> Seen:
        found = need(facts.guest(guest.name).cloud_init)
        if not found.finished:
            return Seen(False, f"not finished within {guest.timeout_s} s")
        return Seen(not found.errors, "; ".join(found.errors) or "finished, no errors")

    wanted = "finished, no errors"
    return ground.check(
        "cloud_init", "cloud-init finished without error", wanted, look, aspect="finished"
    )


def _identity(ground: Ground, plan: Plan, guest: GuestPlan) -> Iterator[Check]:
    def hostname(facts: SiteFacts) -> Seen:
        return equal(guest.name, _system(guest, facts).hostname)

    def earlier(facts: SiteFacts) -> Iterator[tuple[str, SystemFact]]:
        """Guests before this one, so that of two equal ones exactly one is reported."""
        for name in plan.guests:
            if name == guest.name:
                return
            found = facts.guests.get(name)
            if isinstance(found, InsideFact) and isinstance(found.system, SystemFact):
                yield name, found.system

    def machine_id(facts: SiteFacts) -> Seen:
        own = _system(guest, facts).machine_id
        same = [name for name, other in earlier(facts) if other.machine_id == own]
        if not own or same:
            return Seen(False, f"{own}, as {words(same)} has" if own else "empty")
        return Seen(True, own)

    def host_keys(facts: SiteFacts) -> Seen:
        own = set(_system(guest, facts).host_keys)
        same = [name for name, other in earlier(facts) if own & set(other.host_keys)]
        missing = [key for key in facts.pinned.get(guest.name, ()) if key not in own]
        if same:
            return Seen(False, f"the same as {words(same)} has")
        if missing or not own:
            return Seen(False, words(own), f"the pinned {words(missing)}")
        return Seen(True, "as pinned, its own")

    yield ground.check("", "host name", guest.name, hostname, aspect="hostname")
    wanted = "of its own"
    yield ground.check("", "machine-id is unique", wanted, machine_id, aspect="machine-id")
    wanted = "as pinned, its own"
    yield ground.check("", "ssh host keys", wanted, host_keys, aspect="ssh host keys")


def _size(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    outside = Ground(guest.host, ground.base, "")

    def vcpus(facts: SiteFacts) -> Seen:
        return equal(guest.vcpus, _system(guest, facts).vcpus)

    def memory(facts: SiteFacts) -> Seen:
        seen = _system(guest, facts).memory_mib
        # What was plugged in stays: the balloon holds what the guest gave back.
        return Seen(guest.memory_mib - KEPT_MIB <= seen <= guest.memory_max_mib, f"{seen} MiB")

    def firmware(facts: SiteFacts) -> Seen:
        return equal(guest.firmware, _system(guest, facts).firmware)

    def check(path: str, what: str, wanted: object, look: Look) -> Check:
        needs = (outside.id(path),)
        return ground.check(path, what, wanted, look, aspect="inside", needs=needs)

    yield check("vcpus", "vCPUs are online in the guest", guest.vcpus, vcpus)
    wanted = f"{guest.memory_mib} MiB, less at most {KEPT_MIB} for the firmware"
    if guest.memory_max_mib > guest.memory_mib:
        wanted += f", or up to {guest.memory_max_mib} in its balloon"
    yield check("memory_mib", "guest's kernel finds the memory", wanted, memory)
    yield check("firmware", "guest booted by its firmware", guest.firmware, firmware)


def _disk(ground: Ground, guest: GuestPlan, disk: DiskPlan) -> Iterator[Check]:
    path = f"disks.{disk.name}"
    outside = Ground(guest.host, ground.base, "")
    needs = (outside.id(path), outside.id(f"{path}.size_gib"))

    def there(facts: SiteFacts) -> Seen:
        disks = _system(guest, facts).disks
        return Seen(disk.serial in disks, words(tuple(disks)))

    def size(facts: SiteFacts) -> Seen:
        return equal(disk.size_bytes, _system(guest, facts).disks[disk.serial])

    def filled(facts: SiteFacts) -> Seen:
        seen = _system(guest, facts).root_bytes
        return Seen(seen >= disk.size_bytes * FILLED_SHARE, f"{seen / GIB:.1f} GiB")

    what = "guest sees the disk under its serial"
    yield ground.check(path, what, disk.serial, there, aspect="inside", needs=needs)
    seen = (ground.id(path, "inside"),)
    size_path = f"{path}.size_gib"
    what = "guest sees the disk's size"
    yield ground.check(size_path, what, disk.size_bytes, size, aspect="inside", needs=seen)
    if disk.image and disk == guest.disks[0]:
        yield ground.check(
            size_path,
            "root file system fills its disk",
            f"at least {disk.size_bytes * FILLED_SHARE / GIB:.1f} GiB",
            filled,
            aspect="root file system",
            needs=(ground.id(size_path, "inside"),),
        )


def _nic(ground: Ground, guest: GuestPlan, nic: NicPlan) -> Iterator[Check]:
    path = f"nics.{nic.name}"
    outside = Ground(guest.host, ground.base, "").id(f"{path}.network")

    def fact(facts: SiteFacts) -> NicFact | None:
        return need(facts.guest(guest.name).nics).get(nic.mac)

    def named(facts: SiteFacts) -> Seen:
        found = fact(facts)
        return equal(nic.name, found.name) if found else Seen(False, f"no NIC with {nic.mac}")

    def addresses(facts: SiteFacts) -> tuple[str, ...]:
        found = fact(facts)
        if found is None:
            raise Unanswered(f"failed: {ground.id(path, 'inside')}")
        return found.addresses

    def declared(facts: SiteFacts) -> Seen:
        seen = addresses(facts)
        return Seen(nic.address in seen, words(seen))

    def leased(facts: SiteFacts) -> Seen:
        seen = addresses(facts)
        inside = [a for a in seen if not nic.subnet or _lies_in(a, nic.subnet)]
        return Seen(bool(inside), words(seen))

    what = "guest sees the NIC under its name"
    yield ground.check(path, what, nic.name, named, aspect="inside", needs=(outside,))
    if nic.address:
        what = "NIC has its address"
        yield ground.check(f"{path}.address", what, nic.address, declared, needs=(outside,))
    elif nic.dhcp:
        wanted = f"one in {nic.subnet}" if nic.subnet else "any"
        what = "NIC has an address by DHCP"
        yield ground.check(f"{path}.address", what, wanted, leased, needs=(outside,))
    yield from routing.checks(ground, guest, nic, (outside,))


def _lies_in(address: str, subnet: str) -> bool:
    return ip_interface(address).ip in ip_network(subnet)
