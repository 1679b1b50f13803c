"""A finding: what a check saw, where in the site file it belongs, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
Status = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """One check's result. ``path`` is the place in the site file, as text.

    ``severity`` says what it means if the check did not pass. ``id`` is unique in a run and the
    same in every run; ``machine`` is where it was looked at.
    """

    severity: Severity
    status: Status
    id: str
    path: str
    machine: str
    what: str
    seen: str = ""
    wanted: str = ""
    remedy: str = ""

    @property
    def is_red(self) -> bool:
        """True when this alone makes the run fail. Not checked is not the same as passed."""
        return self.severity == "error" and self.status != "passed"


def green(findings: Iterable[Finding]) -> bool:
    """True when nothing failed and nothing that matters stayed unchecked. No findings: False."""
    found = [finding.is_red for finding in findings]
    return bool(found) and not any(found)
