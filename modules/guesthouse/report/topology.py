"""Hosts, what guests are plugged into, and guests: the same words for the state and for the plan.

Sizes end in their unit (``_mib`` MiB).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from guesthouse.report.review import Review


@dataclass(frozen=True)
class Nic:
    """A guest's NIC. ``wire`` is the key of what it is plugged into, ``address`` as declared."""

    name: str
    wire: str
    address: str = ""
    vlan: int = 0

    @property
    def label(self) -> str:
        """``lan0 10.90.0.11/24, VLAN 42``."""
        vlan = f"VLAN {self.vlan}" if self.vlan else ""
        words = f"{self.name} {self.address}".strip()
        return ", ".join(filter(None, (words, vlan)))


@dataclass(frozen=True)
class Guest:
    """A guest. ``disks`` are (name, size in GiB as text, pool)."""

    name: str
    vcpus: int
    memory_mib: int
    power: str
    disks: tuple[tuple[str, str, str], ...] = ()
    nics: tuple[Nic, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """``2 vCPUs, 512 MiB``, and its power when it does not run."""
        vcpus = f"{self.vcpus} vCPU{'' if self.vcpus == 1 else 's'}"
        power = f", {self.power}" if self.power != "running" else ""
        return f"{vcpus}, {self.memory_mib} MiB{power}"

    @property
    def storage(self) -> str:
        """``root 4 GiB, data 1 GiB in guests``."""
        pools: dict[str, list[str]] = {}
        for name, size, pool in self.disks:
            pools.setdefault(pool, []).append(f"{name} {size} GiB")
        return "; ".join(f"{', '.join(disks)} in {pool}" for pool, disks in pools.items())


@dataclass(frozen=True)
class Wire:
    """What NICs are plugged into: a bridge or a network. ``detail`` says where it leads,
    ``card`` which physical function has its virtual functions."""

    key: str
    name: str
    kind: str
    detail: str = ""
    card: str = ""


@dataclass(frozen=True)
class Card:
    """A physical function: ``total`` virtual functions, of which the ``fixed`` ones (numbers) are
    the host's."""

    name: str
    select: str
    total: int
    fixed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Host:
    """A host. ``memory_mib`` and ``vcpus`` are its declared capacity, None when not declared."""

    name: str
    memory_mib: int | None = None
    vcpus: int | None = None
    wires: tuple[Wire, ...] = ()
    cards: tuple[Card, ...] = ()
    pools: tuple[tuple[str, str], ...] = ()
    guests: tuple[Guest, ...] = ()

    @property
    def used_mib(self) -> int:
        """Memory promised to guests, running or not."""
        return sum(guest.memory_mib for guest in self.guests)

    @property
    def used_vcpus(self) -> int:
        """vCPUs of all guests; they may share cores."""
        return sum(guest.vcpus for guest in self.guests)

    def holders(self, card: Card) -> list[str]:
        """The guests' NICs that hold a virtual function of a card each."""
        wires = {wire.key for wire in self.wires if wire.card == card.name}
        return [f"{g.name} {n.name}" for g in self.guests for n in g.nics if n.wire in wires]

    def free_vfs(self, card: Card) -> int:
        """Virtual functions that a guest can still get."""
        return card.total - len(card.fixed) - len(self.holders(card))

    def capacity(self) -> list[str]:
        """What is free, in words."""
        words = [f"memory MiB: {used(self.used_mib, self.memory_mib)}"]
        words.append(f"vCPUs: {used(self.used_vcpus, self.vcpus)}")
        if self.cards:
            free = sum(self.free_vfs(card) for card in self.cards)
            words.append(f"VFs: {free} of {sum(card.total for card in self.cards)} free")
        return words


def used(count: int, of: int | None) -> str:
    """``1024 of 2048 free``, or what is used when nobody declared of how much."""
    if of is None:
        return f"{count} used"
    # vCPUs may share cores; memory never.
    return f"{of - count} of {of} free" if count <= of else f"{count} used, shared by {of}"


@dataclass(frozen=True)
class Mark:
    """How a thing of the topology is marked: ``style`` is an effect, created or deleted."""

    style: str
    words: str


@dataclass(frozen=True)
class Topology:
    """All hosts. ``marks`` by (kind, host, name); a guest's host is ""."""

    title: str
    hosts: tuple[Host, ...]
    marks: Mapping[tuple[str, str, str], Mark] = field(default_factory=dict)

    def mark(self, kind: str, host: str, name: str) -> Mark | None:
        """The mark of what changes, None of all else."""
        return self.marks.get((kind, "" if kind == "guest" else host, name))


def marks(review: Review) -> dict[tuple[str, str, str], Mark]:
    """Everything that changes, by its worst effect."""
    found = {}
    for subject in review.subjects:
        host = "" if subject.kind == "guest" else subject.host
        style = subject.effect.word
        words = style
        if subject.action == "created":
            style = words = "created"
        elif subject.action == "deleted":
            style = words = "deleted"
        if subject.refused:
            words = f"{words}, refused"
        found[subject.kind, host, subject.name] = Mark(style, words)
    return found


def shown(host: Host, topology: Topology, most: int) -> tuple[Sequence[Guest], int]:
    """The guests to draw, those that change first where there are too many, and how many are
    left out."""
    if len(host.guests) <= most:
        return host.guests, 0
    changing = [g for g in host.guests if topology.mark("guest", host.name, g.name)]
    return changing[:most], len(host.guests) - len(changing[:most])
