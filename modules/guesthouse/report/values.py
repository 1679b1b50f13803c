"""Review and topology -> JSON values, whole: nothing is left out here.

The keys are an interface: pipelines read them. ``format`` is raised when one changes its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guesthouse.errors import Problem
from guesthouse.report.review import Review, Subject
from guesthouse.report.topology import Host

FORMAT = 1


def report_values(
    review: Review, exit_code: int, before: Sequence[Host] | None, after: Sequence[Host] | None
) -> dict[str, Any]:
    """The report; hosts are None where they could not be worked out. Memory is in MiB."""
    refused = [_problem(problem) for problem in review.refused]
    return {
        "format": FORMAT,
        "stack": review.stack,
        "outcome": review.outcome.value,
        "exit_code": exit_code,
        "worst_effect": review.worst.word,
        "effects": {effect: dict(counts) for effect, counts in review.effects().items()},
        "actions": {action: dict(counts) for action, counts in review.actions().items()},
        "unchanged": review.unchanged,
        "refused": refused,
        "held": [_problem(problem) for problem in review.held],
        "errors": [_problem(problem) for problem in review.errors],
        "findings": [{"severity": s, **_problem(problem)} for s, problem in review.findings],
        "changes": [_subject(subject) for subject in review.subjects],
        "capacity": {"before": _hosts(before), "after": _hosts(after)},
    }


def _problem(problem: Problem) -> dict[str, str]:
    text = str(Problem(problem.where, problem.what, problem.got, problem.allowed))
    return {"what": text.removeprefix(": "), "hint": problem.hint}


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "name": subject.name,
        "host": subject.host,
        "action": subject.action,
        "effect": subject.effect.word,
        "changes": [
            {
                "what": change.what,
                "old": change.old,
                "new": change.new,
                "effect": change.effect.word,
                "why": change.why,
                "path": change.path,
            }
            for change in subject.changes
        ],
        "refused": [_problem(problem) for problem in subject.refused],
        "diffs": [{"title": diff.title, "text": diff.text} for diff in subject.diffs],
    }


def _hosts(hosts: Sequence[Host] | None) -> dict[str, Any] | None:
    if hosts is None:
        return None
    return {
        host.name: {
            "guests": len(host.guests),
            "memory_mib": host.memory_mib,
            "memory_mib_used": host.used_mib,
            "vcpus": host.vcpus,
            "vcpus_used": host.used_vcpus,
            "virtual_functions": {
                card.name: {
                    "total": card.total,
                    "fixed": len(card.fixed),
                    "held": len(host.holders(card)),
                    "free": host.free_vfs(card),
                }
                for card in host.cards
            },
        }
        for host in hosts
    }
