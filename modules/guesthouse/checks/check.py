"""A check: one declared attribute compared with one fact. Making and judging are pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from guesthouse.checks.finding import Finding, Severity, Status
from guesthouse.facts.capacity import SizeFact
from guesthouse.facts.host import BridgeFact, FileFact, ServiceFact
from guesthouse.facts.hypervisor import HypervisorFact
from guesthouse.facts.inside import InsideFact
from guesthouse.facts.pci import DevicesFact
from guesthouse.facts.question import ODD, why
from guesthouse.facts.sriov import CardFact
from guesthouse.facts.storage import VolumeFact
from guesthouse.facts.together import NotAnswered
from guesthouse.placement import Plan

T = TypeVar("T")

# Of what a machine told, in a finding; a file's text may be longer.
SEEN_CHARACTERS = 4000


class Unanswered(Exception):
    """What a check needs is not known; the text says why. It becomes "not checked"."""


@dataclass(frozen=True)
class HostFacts:
    """All answers of one host. ``digests`` is empty unless a deep run asked for them."""

    size: SizeFact | NotAnswered
    packages: frozenset[str] | NotAnswered
    services: Mapping[str, ServiceFact] | NotAnswered
    files: Mapping[str, FileFact] | NotAnswered
    bridges: Mapping[str, BridgeFact] | NotAnswered
    cards: tuple[CardFact, ...] | NotAnswered
    pci: DevicesFact | NotAnswered
    hypervisor: HypervisorFact | NotAnswered
    volumes: Mapping[str, VolumeFact] | NotAnswered
    digests: Mapping[str, str] | NotAnswered


@dataclass(frozen=True)
class SiteFacts:
    """The facts of a site, by machine. A text instead of facts says why there are none.

    ``left_out`` are machines that were not asked on purpose, with the reason.
    """

    hosts: Mapping[str, HostFacts | str]
    guests: Mapping[str, InsideFact | str]
    pinned: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]

    def host(self, name: str) -> HostFacts:
        """A host's facts, or Unanswered."""
        found = self.hosts.get(name, "the host was not asked")
        if isinstance(found, str):
            raise Unanswered(found)
        return found

    def guest(self, name: str) -> InsideFact:
        """What a guest says about itself, or Unanswered."""
        found = self.guests.get(name, "the guest was not asked")
        if isinstance(found, str):
            raise Unanswered(found)
        return found


def need(fact: T | NotAnswered) -> T:
    """The fact, or Unanswered with the machine's own words."""
    if isinstance(fact, NotAnswered):
        raise Unanswered(fact.reason)
    return fact


@dataclass(frozen=True)
class Seen:
    """What a check saw. ``wanted`` replaces the check's own when it depends on what was seen."""

    ok: bool
    text: str
    wanted: str = ""


@dataclass(frozen=True)
class Check:
    """One attribute. ``aspect`` tells checks of the same path on the same machine apart.

    ``needs`` are ids of checks without which this one cannot be answered: when one of them did
    not pass, this one is "not checked", so that one broken thing fails exactly one check.
    """

    path: str
    machine: str
    what: str
    wanted: str
    look: Callable[[SiteFacts], Seen]
    aspect: str = ""
    needs: tuple[str, ...] = ()
    remedy: str = ""
    severity: Severity = "error"

    @property
    def id(self) -> str:
        """Unique within a plan."""
        return f"{self.machine}: {self.path} {self.aspect}".rstrip()


@dataclass(frozen=True)
class Ground:
    """What the checks of one object share: machine, path, remedy, and the checks they all need."""

    machine: str
    base: str
    remedy: str
    needs: tuple[str, ...] = ()

    def check(
        self,
        path: str,
        what: str,
        wanted: object,
        look: Callable[[SiteFacts], Seen],
        *,
        aspect: str = "",
        needs: tuple[str, ...] = (),
        severity: Severity = "error",
    ) -> Check:
        """A check of the attribute ``path`` below the base; empty for the object itself."""
        return Check(
            path=f"{self.base}.{path}" if path else self.base,
            machine=self.machine,
            what=what,
            wanted=words(wanted),
            look=look,
            aspect=aspect,
            needs=(*self.needs, *needs),
            remedy=self.remedy,
            severity=severity,
        )

    def id(self, path: str, aspect: str = "") -> str:
        """The id of a check made here."""
        full = f"{self.base}.{path}" if path else self.base
        return f"{self.machine}: {full} {aspect}".rstrip()


def repair(plan: Plan) -> str:
    """The remedy for what our provider owns; where it cannot, it says what has to be done."""
    return f"`guesthouse up {plan.identity.stack} --refresh` makes it as declared"


def equal(wanted: Any, seen: Any) -> Seen:
    """Passes when both are the same."""
    return Seen(wanted == seen, words(seen))


def words(value: Any) -> str:
    """A fact as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    return str(value) if value != "" else "nothing"


def judge(checks: Iterable[Check], facts: SiteFacts) -> list[Finding]:
    """Every check's finding, in order. A check comes after those that it needs."""
    findings: dict[str, Finding] = {}
    for check in checks:
        findings[check.id] = _judge(check, facts, findings)
    return list(findings.values())


def _judge(check: Check, facts: SiteFacts, before: Mapping[str, Finding]) -> Finding:
    if check.machine in facts.left_out:
        return _finding(check, "not checked", facts.left_out[check.machine], severity="info")
    for id_ in check.needs:
        need_ = before[id_]
        if need_.status != "passed":
            # The first cause, not the chain that leads to it.
            reason = need_.seen if need_.status == "not checked" else f"failed: {id_}"
            severity = "info" if need_.severity == "info" else check.severity
            return _finding(check, "not checked", reason, severity=severity)
    try:
        seen = check.look(facts)
    except Unanswered as reason:
        return _finding(check, "not checked", str(reason))
    except Exception as error:
        # What a machine told has an odd value: nothing of the others is changed by it.
        return _finding(check, "not checked", f"{ODD}: {why(error)}")
    return _finding(check, "passed" if seen.ok else "failed", seen.text, seen.wanted)


def _finding(
    check: Check, status: Status, seen: str, wanted: str = "", severity: Severity | None = None
) -> Finding:
    return Finding(
        severity=severity or check.severity,
        status=status,
        id=check.id,
        path=check.path,
        machine=check.machine,
        what=check.what,
        seen=seen if len(seen) <= SEEN_CHARACTERS else f"{seen[:SEEN_CHARACTERS]}...",
        wanted=wanted or check.wanted,
        remedy="" if status == "passed" else check.remedy,
    )
