"""One thing that preflight looks at on one host."""

from __future__ import annotations

from dataclasses import dataclass

from guesthouse.checks.finding import Severity


@dataclass(frozen=True)
class Row:
    """``path`` in the site file, what is looked at, whether it is right, what was seen and wanted,
    what to do."""

    path: str
    what: str
    ok: bool
    seen: str
    wanted: str
    remedy: str
    severity: Severity = "error"
