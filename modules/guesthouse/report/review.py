"""What a preview comes to: each thing that changes with its effect, findings, totals, outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from guesthouse.display import visible
from guesthouse.effects import Change, Effect
from guesthouse.errors import Problem
from guesthouse.report.diffs import Diff, diffs
from guesthouse.report.events import OTHER, Events, Step

# What the engine adds to every failure, and nobody can act on.
_NOISE = ("an unhandled error occurred", "preview failed", "update failed")
_PREFLIGHT = "preflight failed: "
# Orders what a reviewer reads: guests first.
NOUNS = ("guest", "network", "physical function", "host", "pool", "image", OTHER)
ACTIONS = ("created", "changed", "replaced", "deleted")


class Outcome(Enum):
    """How a preview ended."""

    OK = "ok"
    REFUSED = "refused"
    HELD = "held"
    FAILED = "failed"
    UNEXPECTED = "unexpected"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Ending:
    """How a preview ended for its command: what a limit (`--fail-on`) held back is in ``held``."""

    outcome: Outcome
    exit_code: int
    held: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A guest, network, physical function, host, pool, image or other resource that changes."""

    kind: str
    name: str
    host: str
    action: str
    changes: tuple[Change, ...]
    refused: tuple[Problem, ...]
    diffs: tuple[Diff, ...]

    @property
    def effect(self) -> Effect:
        """The worst that happens to it; nobody feels that something new is made."""
        effects = [change.effect for change in self.changes]
        # Who knows what goes with another's resource.
        if self.kind == OTHER and self.action in ("deleted", "replaced"):
            effects.append(Effect.DESTROYS_DATA)
        elif self.action == "deleted":
            # A guest's disks go with it; of the rest nobody's data is lost.
            effects.append(Effect.DESTROYS_DATA if self.kind == "guest" else Effect.LIVE)
        elif self.action == "replaced":
            effects.append(Effect.REPLACE)
        return max(effects, key=lambda effect: effect.rank, default=Effect.NONE)

    @property
    def fate(self) -> str:
        """The action, and what goes with it."""
        return (
            "deleted, and its disks"
            if self.kind == "guest" and self.action == "deleted"
            else self.action
        )

    @property
    def title(self) -> str:
        """For people: ``network nat on h1``."""
        place = f" on {self.host}" if self.host and self.kind not in ("host", "guest") else ""
        return f"{self.kind} {self.name}{place}"


@dataclass(frozen=True)
class Review:
    """Everything that a report says, but for the topology. ``findings`` have their severity."""

    stack: str
    outcome: Outcome
    subjects: tuple[Subject, ...]
    findings: tuple[tuple[str, Problem], ...]
    errors: tuple[Problem, ...]
    unchanged: int = 0
    held: tuple[Problem, ...] = ()

    @property
    def worst(self) -> Effect:
        """The worst effect of all."""
        effects = [subject.effect for subject in self.subjects]
        return max(effects, key=lambda effect: effect.rank, default=Effect.NONE)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """All that is refused, once each."""
        return tuple(dict.fromkeys(p for subject in self.subjects for p in subject.refused))

    def effects(self) -> dict[str, Counter[str]]:
        """Effect in words, from worst to harmless -> how many of each kind have it at worst."""
        counts: dict[str, Counter[str]] = {}
        for effect in reversed(Effect):
            here = [s.kind for s in self.subjects if s.effect is effect]
            if here:
                counts[effect.word] = counts.get(effect.word, Counter()) + Counter(here)
        return counts

    def actions(self) -> dict[str, Counter[str]]:
        """created, changed, replaced, deleted -> how many of each kind."""
        return {a: Counter(s.kind for s in self.subjects if s.action == a) for a in ACTIONS}


def review(stack: str, events: Events, outcome: Outcome) -> Review:
    """The review of a preview. ``outcome`` FAILED becomes REFUSED where something was, and
    UNEXPECTED where the engine was content, but for `--expect-no-changes`."""
    found = [_subject(step) for step in events.steps.values() if _matters(step)]
    found.sort(key=lambda s: (-s.effect.rank, NOUNS.index(s.kind), s.host, s.name))
    refused = {str(problem) for subject in found for problem in subject.refused}
    findings, errors = _said(events.said, refused)
    if outcome is Outcome.FAILED and refused:
        outcome = Outcome.REFUSED
    elif outcome is Outcome.FAILED and events.succeeded:
        outcome = Outcome.UNEXPECTED
    unchanged = sum(step.action == "unchanged" for step in events.steps.values())
    return Review(stack, outcome, tuple(found), findings, errors, unchanged)


def _matters(step: Step) -> bool:
    return step.action in ACTIONS or bool(step.refused)


def _subject(step: Step) -> Subject:
    # Only of ours is it known what the values mean.
    values = {} if step.kind == OTHER else step.new or step.old
    connection = values.get("connection") or {}
    host = str(connection.get("name", ""))
    name = step.urn.rsplit("::", 1)[-1]
    if step.kind == "host":
        name = host
    elif step.kind != "image" and "name" in values:
        name = str(values["name"])
    if step.kind == "pool":
        # Its provider knows the host; its resource is named HOST-POOL.
        host = step.urn.rsplit("::", 1)[-1].removesuffix(f"-{name}")
    lines = diffs(step) if step.action == "changed" and step.kind != OTHER else ()
    return Subject(step.kind, name, host, step.action, step.changes, step.refused, lines)


def problems_of(text: str) -> list[Problem]:
    """The problems in a message: a line each, a hint on an indented line of its own."""
    found: list[Problem] = []
    for line in filter(None, (line.rstrip() for line in visible(text).split("\n"))):
        hint = line.strip().removeprefix("hint: ")
        if line.startswith(" ") and found and not found[-1].hint and hint != line.strip():
            found[-1] = Problem("", found[-1].what, hint=hint)
        else:
            found.append(Problem("", line.strip()))
    return found


def _text(problem: Problem) -> str:
    return str(problem).removeprefix(": ")


def _said(
    said: Sequence[tuple[str, str]], refused: set[str]
) -> tuple[tuple[tuple[str, Problem], ...], tuple[Problem, ...]]:
    """(findings of preflight and other warnings, errors), without what is refused."""
    findings, errors = dict[tuple[str, Problem], None](), dict[Problem, None]()
    for severity, text in said:
        for problem in () if text.startswith(_NOISE) else problems_of(text):
            if severity == "warning" or _PREFLIGHT in problem.what:
                findings[severity, problem] = None
            elif _text(problem) not in refused:
                errors[problem] = None
    return tuple(findings), tuple(errors)
