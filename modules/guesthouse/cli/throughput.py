"""The throughput of one lane: a server and a client of iperf3 in two guests, round by round."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guesthouse.cli.lanes import BRIDGE, VF, End, Lane
from guesthouse.cli.stack import Stack
from guesthouse.errors import MachineError, Problem
from guesthouse.facts import iperf
from guesthouse.facts.access import Access
from guesthouse.facts.iperf import GuestFact, Round
from guesthouse.facts.question import ask
from guesthouse.machine.session import Session

# Ports tried, when one is taken; and seconds that a server may take to listen.
_TRIES, _START_S = 8, 60


def shown(mbit_per_s: float) -> str:
    """A figure for people: slow ones (emulated) with one more digit."""
    return f"{mbit_per_s:.0f}" if mbit_per_s >= 100 else f"{mbit_per_s:.1f}"


@dataclass(frozen=True)
class Result:
    """A lane's rounds, or why there are none."""

    lane: Lane
    rounds: tuple[Round, ...] = ()
    error: MachineError | None = None

    @property
    def speeds(self) -> tuple[float, ...]:
        """Mbit/s of each round."""
        return tuple(one.mbit_per_s for one in self.rounds)

    @property
    def median(self) -> float:
        """Mbit/s."""
        return float(statistics.median(self.speeds))

    @property
    def retransmits(self) -> int | None:
        """TCP segments sent again in all rounds; None when a sender does not tell."""
        told = [one.retransmits for one in self.rounds]
        return None if None in told else sum(count or 0 for count in told)

    def row(self) -> tuple[str, ...]:
        """Its row of the table."""
        source, target = self.lane.source, self.lane.target
        who = (source.guest, source.host, target.guest, target.host)
        where = (*who, self.lane.network, self.lane.path)
        if not self.rounds:
            return (*where, "not measured", "", "")
        spread = f"{shown(min(self.speeds))}..{shown(max(self.speeds))}"
        again = "not told" if self.retransmits is None else str(self.retransmits)
        return (*where, shown(self.median), spread, again)

    def values(self) -> dict[str, Any]:
        """As JSON values."""
        lane = self.lane
        told: dict[str, Any] = {
            "from": lane.source.guest,
            "from_host": lane.source.host,
            "to": lane.target.guest,
            "to_host": lane.target.host,
            "network": lane.network,
            "path": lane.path,
        }
        if not self.rounds:
            return {**told, "error": str(self.error)}
        speeds = {"median": self.median, "min": min(self.speeds), "max": max(self.speeds)}
        rates = {**speeds, "rounds": self.speeds}
        return {**told, "mbit_per_s": rates, "retransmits": self.retransmits}


@dataclass(frozen=True)
class Comparison:
    """The same two guests by both paths: the fastest of each, by its median."""

    vf: Result
    bridge: Result

    @property
    def overlap(self) -> bool:
        """Whether the spreads of the rounds have something in common: no difference is shown."""
        vf, bridge = self.vf.speeds, self.bridge.speeds
        return min(vf) <= max(bridge) and min(bridge) <= max(vf)

    def values(self) -> dict[str, Any]:
        """As JSON values; no ``ratio`` to a standstill."""
        lane, vf, bridge = self.vf.lane, self.vf.median, self.bridge.median
        return {
            "from": lane.source.guest,
            "to": lane.target.guest,
            "vf_mbit_per_s": vf,
            "bridge_mbit_per_s": bridge,
            "ratio": round(vf / bridge, 3) if bridge else None,
            "spreads_overlap": self.overlap,
        }

    def __str__(self) -> str:
        told = self.values()
        text = (
            f"{told['from']} -> {told['to']}: {VF} {shown(self.vf.median)} Mbit/s, "
            f"{BRIDGE} {shown(self.bridge.median)} Mbit/s"
        )
        if told["ratio"] is not None:
            text += f": {told['ratio']:.2f} times the bridge"
        return f"{text}; the spreads overlap: no difference is shown" if self.overlap else text


def compared(results: Sequence[Result]) -> Iterator[Comparison]:
    """One for each two guests that were measured by both paths."""
    best: dict[tuple[str, str], dict[str, Result]] = {}
    for result in results:
        if result.rounds:
            pair = best.setdefault((result.lane.source.guest, result.lane.target.guest), {})
            old = pair.get(result.lane.path)
            pair[result.lane.path] = max((old, result) if old else (result,), key=_median)
    for pair in best.values():
        if len(pair) == 2:
            yield Comparison(pair[VF], pair[BRIDGE])


def _median(result: Result) -> float:
    return result.median


def measured(
    opened: Stack,
    lane: Lane,
    guests: Mapping[str, GuestFact | MachineError],
    seconds: int,
    rounds: int,
    tell: Callable[[str], None],
) -> Result:
    """All rounds of a lane; what goes wrong in it is its result."""
    try:
        own, other = _ends(lane, guests)
        found = []
        for number in range(1, rounds + 1):
            found.append(_round(opened, lane, own, other, seconds))
            tell(f"{lane}: round {number} of {rounds}: {shown(found[-1].mbit_per_s)} Mbit/s")
        return Result(lane, tuple(found))
    except MachineError as error:
        first = error.problems[0]
        problem = Problem(str(lane), f"{first.where}: {first.what}", first.got, "", first.hint)
        return Result(lane, error=type(error)(problem))


def _ends(lane: Lane, guests: Mapping[str, GuestFact | MachineError]) -> tuple[str, str]:
    def known(end: End) -> tuple[str, ...]:
        fact = guests[end.guest]
        if isinstance(fact, MachineError):
            raise fact
        return (end.address,) if end.address else fact.addresses.get(end.mac, ())

    found = iperf.ends(known(lane.source), known(lane.target))
    if found is None:
        seen = ", ".join(f"{e.guest}: {known(e) or 'none'}" for e in (lane.source, lane.target))
        raise MachineError(Problem("network", "they have no addresses of one kind there", seen))
    return found


def _round(opened: Stack, lane: Lane, own: str, other: str, seconds: int) -> Round:
    run = Access(opened.ssh).runner(lane.source.guest)
    for _ in range(_TRIES):
        port = iperf.FIRST_PORT + secrets.randbelow(iperf.PORTS)
        with Session(opened.ssh, lane.target.guest, iperf.server(other, port)) as server:
            said = server.wait_for(iperf.SERVER_SAYS, _START_S)
            if iperf.PORT_TAKEN in said:
                continue
            if "listening" not in said:
                raise MachineError(Problem(f"guest {lane.target.guest}", "iperf3", got=said))
            found = ask(run, iperf.client(own, other, port, seconds))
            received = iperf.carried(server.end(), "received")
        _on_its_way(lane.source, found.sent, found)
        _on_its_way(lane.target, received, found)
        return found
    raise MachineError(Problem(f"guest {lane.target.guest}", f"{_TRIES} ports are all taken"))


def _on_its_way(end: End, carried: Mapping[str, int], found: Round) -> None:
    """A figure is no figure of a path that the bytes did not take."""
    if iperf.strays(carried, end.mac, found.received_bytes):
        most = max(carried, key=lambda mac: carried[mac])
        what = f"the bytes did not take its NIC {end.mac} but {most}"
        hint = "give each of its networks a subnet of its own"
        raise MachineError(Problem(f"guest {end.guest}", what, hint=hint))
