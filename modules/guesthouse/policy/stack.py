"""Rules of what hosts and guests say about each other."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered, of_kind
from guesthouse.policy.rule import StackRule, problem

Stack = Sequence[Registered]

# Percent of a host's memory that guests may have; the rest is the host's own, and for a new guest.
_MEMORY_PERCENT = 90
_DEAR = ("destroys_data", "replace", "restart")


def _permissions(stack: Stack) -> Iterator[Problem]:
    guests = of_kind(stack, "Guest")
    shared = [w for w in _DEAR if all(w in guest.values["allow"] for guest in guests.values())]
    if len(guests) > 1 and shared:
        what = f"every guest permits {', '.join(shared)}"
        hint = "permit it on the guest that is to change, and take it out when that is done"
        yield problem(("allow",), what, hint)


def _memory(stack: Stack) -> Iterator[Problem]:
    needed: dict[str, int] = defaultdict(int)
    for guest in of_kind(stack, "Guest").values():
        kib = guest.domain.findtext("maxMemory") or guest.domain.findtext("memory")
        needed[guest.host] += int(kib) // 1024
    for name, host in of_kind(stack, "Host").items():
        has = int((host.values.get("capacity") or {}).get("memory_mib") or 0)
        most = has * _MEMORY_PERCENT // 100
        if has and needed[name] > most:
            what = f"its guests may grow to {needed[name]} MiB, of {has} MiB they may have {most}"
            hint = "lower memory_max_mib of some, or move one to another host"
            yield problem(("hosts", name, "memory_mib"), what, hint)


def _host_keys(stack: Stack) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, host in of_kind(stack, "Host").items():
        link = host.values["connection"]
        place = ("hosts", name, "host_keys")
        if not link["libvirt_uri"] and not link["host_keys"]:
            yield problem(place, "none is pinned", "put there what ssh-keyscan says of the host")
        for key in link["host_keys"]:
            first = owners.setdefault(str(key), name)
            if first != name:
                what = f"is the key of host '{first}' too: one of them can pass for the other"
                hint = "make the host keys of one of them anew (ssh-keygen -A)"
                yield problem(place, what, hint)


def _memory_hosts(stack: Stack) -> Iterator[Problem]:
    hosts = of_kind(stack, "Host")
    memory = [name for name, host in hosts.items() if host.values["connection"]["libvirt_uri"]]
    if len(memory) < len(hosts):
        for name in memory:
            what = "is a host of pure memory, in a stack with real ones"
            hint = "take it away, or give it a stack of its own"
            yield problem(("hosts", name, "libvirt_uri"), what, hint)


def _replicas(stack: Stack) -> Iterator[Problem]:
    """Not more of them on one host than the number of hosts makes necessary."""
    hosts, groups = of_kind(stack, "Host"), defaultdict(list)
    for name, guest in of_kind(stack, "Guest").items():
        if found := re.match(r"(.*[a-z])-?\d+$", name):
            groups[found.group(1)].append((name, guest.host))
    for members in groups.values():
        most = math.ceil(len(members) / len(hosts))
        for host, count in Counter(host for _, host in members).items():
            if count > most:
                names = sorted(name for name, on in members if on == host)
                what = f"{' and '.join(names)} are on host '{host}' together, and fail together"
                hint = "put one of them on another host, or give it another name"
                yield problem(("guests", names[-1], "host"), what, hint)


RULES = (
    StackRule(
        "memory-reserve",
        "mandatory",
        "The guests of a host, each at its largest, have 90 % of its declared memory at most.",
        _memory,
    ),
    StackRule(
        "host-key-pinned",
        "mandatory",
        "Every host has its ssh host key pinned, and no two hosts have the same.",
        _host_keys,
    ),
    StackRule(
        "replicas-apart",
        "mandatory",
        "Guests whose names differ in the last number only are spread over the hosts.",
        _replicas,
    ),
    StackRule(
        "no-memory-host",
        "mandatory",
        "A host of libvirt's test driver is not in a stack with real hosts.",
        _memory_hosts,
    ),
    StackRule(
        "permission-not-left-on",
        "advisory",
        "`restart`, `replace` and `destroys_data` are not permitted for all guests at once.",
        _permissions,
    ),
)
