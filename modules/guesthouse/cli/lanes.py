"""Lanes: two guests of a site on one network, and the way that their bytes take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guesthouse.errors import Problem, SiteError

if TYPE_CHECKING:
    from guesthouse.cli.stack import Stack
    from guesthouse.placement import GuestPlan, NicPlan

BRIDGE, VF = "virtio bridge", "VF"


@dataclass(frozen=True)
class End:
    """One guest's NIC; ``address`` is the declared one without prefix length, or empty."""

    guest: str
    host: str
    mac: str
    address: str


@dataclass(frozen=True)
class Lane:
    """Bytes go from ``source`` to ``target``; ``path`` is `BRIDGE` or `VF`."""

    source: End
    target: End
    network: str
    path: str

    def __str__(self) -> str:
        return f"{self.source.guest} -> {self.target.guest} over {self.network} ({self.path})"


def _path(nic: NicPlan) -> str:
    """What carries a NIC's bytes: a virtual function, or virtio and a bridge of the host."""
    return VF if nic.kind == "sriov" else BRIDGE


def _segment(guest: GuestPlan, nic: NicPlan) -> tuple[str, ...]:
    """Alike for NICs that reach each other: each host has a virtual network of its own, a virtual
    function is in one VLAN."""
    own = guest.host if nic.kind == "virtual" else ""
    return (_path(nic), nic.network, own, str(nic.vlan))


def lanes(opened: Stack, between: Sequence[str]) -> tuple[Lane, ...]:
    """Every lane of a site, one way each; or those from the first to the second guest named.

    Raises SiteError when there is none.
    """
    guests = opened.plan.guests.values()
    able = [g for g in guests if g.login and opened.plan.hosts[g.host].has_ssh]
    pairs = [(a, b) for i, a in enumerate(able) for b in able[i + 1 :]]
    if between:
        pairs = [_named(opened, between)]
    found = tuple(lane for a, b in pairs for lane in _between(a, b))
    if not found:
        who = " and ".join(between) if between else "no two guests"
        what = f"{who} share {'no' if between else 'a'} network"
        hint = "a guest counts when a user of it has an ssh key"
        where = f"stack {opened.plan.identity.stack}"
        raise SiteError(Problem(where, what, hint="" if between else hint))
    return found


def _named(opened: Stack, between: Sequence[str]) -> tuple[GuestPlan, GuestPlan]:
    if len(set(between)) != 2:
        what, got = "needs two guests, FROM and TO, or none", " ".join(between)
        raise SiteError(Problem("guesthouse measure", what, got=got))
    first, second = (opened.guest(name) for name in between)
    for name in between:
        opened.machine(name)
    return first, second


def _between(source: GuestPlan, target: GuestPlan) -> Iterator[Lane]:
    theirs = {_segment(target, nic): nic for nic in reversed(target.nics)}
    # The first NIC of each on a network stands for all of them.
    mine = {_segment(source, nic): nic for nic in reversed(source.nics)}
    for nic in source.nics:
        segment = _segment(source, nic)
        if mine[segment] is nic and segment in theirs:
            other = theirs[segment]
            yield Lane(_end(source, nic), _end(target, other), nic.network, _path(nic))


def _end(guest: GuestPlan, nic: NicPlan) -> End:
    return End(guest.name, guest.host, nic.mac.lower(), nic.address.partition("/")[0])
