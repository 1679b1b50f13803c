"""Before anything is declared: stop on what would make an `up` fail, tell the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from guesthouse.checks.before import preflight
from guesthouse.checks.finding import Finding
from guesthouse.errors import MachineError, Problem, UnreachableError
from guesthouse.facts.capacity import CapacityFact
from guesthouse.facts.sriov import from_plain
from guesthouse.placement import Plan


def admit(
    plan: Plan, answers: Mapping[str, Mapping[str, Any]], warn: Callable[[str], None], dry: bool
) -> None:
    """Raise MachineError with every failed finding at once; warnings go to ``warn``.

    It is an UnreachableError when a host does not answer.

    ``answers`` are capacity facts as plain values, or ``{"unreachable": reason}``. A preview
    (``dry``) goes on without a host that does not answer: it changes nothing there.
    """
    facts = {name: _fact(answer) for name, answer in answers.items()}
    silent = {name for name, fact in facts.items() if isinstance(fact, str)}
    problems, error = [], MachineError
    for finding in preflight(plan, facts):
        if finding.status != "failed":
            continue
        if finding.severity != "error" or (dry and finding.machine in silent):
            warn(str(_problem(finding)))
        else:
            problems.append(_problem(finding))
            error = UnreachableError if finding.machine in silent else error
    if problems:
        raise error(*problems)


def _fact(answer: Mapping[str, Any]) -> CapacityFact | str:
    if "unreachable" in answer:
        return str(answer["unreachable"])
    return CapacityFact(
        **{
            **answer,
            "memory_total_mib": int(answer["memory_total_mib"]),
            "memory_available_mib": int(answer["memory_available_mib"]),
            "vcpus": int(answer["vcpus"]),
            "nics": frozenset(answer["nics"]),
            "machines": frozenset(answer["machines"]),
            "domain_types": frozenset(answer["domain_types"]),
            "cards": tuple(from_plain(_whole(card)) for card in answer["cards"]),
            "free_bytes": {path: int(size) for path, size in answer["free_bytes"].items()},
        }
    )


def _whole(value: Any) -> Any:
    """The engine hands whole numbers over as floats."""
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) else value


def _problem(finding: Finding) -> Problem:
    return Problem(
        finding.path,
        f"preflight failed: {finding.what}",
        got=finding.seen,
        allowed=finding.wanted,
        hint=finding.remedy,
    )
