"""A lab host as a value: its name, how it is reached, its files in the lab's folder. Pure.

Where its NICs sit is part of the lab's promise to site files: ``enp0s3`` management, ``enp0s4``
trunk for bridges, ``enp0s5`` and on its further segments. An emulated host (``emulated``) has a
card with SR-IOV too.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTAINER, EMULATED = "container", "emulated"
MANAGEMENT, TRUNK = "enp0s3", "enp0s4"
DELAY_MS_MAX, LOSS_PERCENT_MAX = 10_000, 100


@dataclass(frozen=True)
class Link:
    """What a host's trunk is like: whole, cut, or slow by a delay and a loss each way."""

    up: bool = True
    delay_ms: int = 0
    loss_percent: int = 0

    @property
    def slow(self) -> bool:
        return self.up and bool(self.delay_ms or self.loss_percent)

    def __str__(self) -> str:
        if self.slow:
            return f"slow: {self.delay_ms} ms, {self.loss_percent} %"
        return "up" if self.up else "down"


WHOLE, CUT = Link(), Link(up=False)


@dataclass(frozen=True)
class Wanted:
    """A host that the site file asks of the lab. ``segments`` are wires beside the trunk. One that
    ``stands_in`` is emulated because this machine can have no containers."""

    name: str
    kind: str
    segments: tuple[str, ...] = ()
    stands_in: bool = False


@dataclass(frozen=True)
class LabHost:
    """One host. ``number`` counts from 1; ``host_key`` is its public ssh host key. The wires of
    emulated ones make a line: ``before`` and ``after`` are a host's neighbours in it."""

    name: str
    number: int
    ssh_port: int
    host_key: str
    kind: str
    segments: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    stands_in: bool = False

    @property
    def neighbours(self) -> tuple[str, ...]:
        return tuple(name for name in (self.before, self.after) if name)

    @property
    def joins(self) -> bool:
        """Whether its trunk is the emulated one that more is joined to: two would be a loop."""
        return self.kind == EMULATED and not self.before

    @property
    def disk(self) -> str:
        return f"{self.name}.qcow2"

    @property
    def serial_log(self) -> str:
        return f"{self.name}.serial.log"

    @property
    def qemu_log(self) -> str:
        return f"{self.name}.qemu.log"

    @property
    def pidfile(self) -> str:
        return f"{self.name}.pid"

    @property
    def qmp(self) -> str:
        return f"{self.name}.qmp"

    @property
    def link(self) -> str:
        """What its trunk is like, while it is not whole."""
        return f"{self.name}.link"

    @property
    def private_host_key(self) -> str:
        return f"{self.name}.host_key"

    @property
    def nics(self) -> dict[str, str]:
        """NIC -> segment, as all kinds of hosts name them."""
        return {
            MANAGEMENT: "management",
            TRUNK: "trunk",
            **{f"enp0s{slot}": name for slot, name in enumerate(self.segments, 5)},
        }

    def mac(self, nic: int) -> str:
        """The MAC of NIC 1 (management), 2 (trunk), 3 (PF) or 4 (spare), locally administered."""
        return f"52:54:00:6c:{nic:02x}:{self.number:02x}"
