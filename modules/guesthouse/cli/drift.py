"""How many resources a preview would change, as the engine's own log of events tells."""

from __future__ import annotations

import json
from pathlib import Path

# The engine shows --event-log only to those who ask for its commands for debugging.
ENVIRONMENT = {"PULUMI_DEBUG_COMMANDS": "true"}
_NO_CHANGE = {"same", "read", "refresh"}


def arguments(log: Path) -> tuple[str, ...]:
    """The engine's arguments that make it write its events."""
    return ("--event-log", str(log))


def resources(log: Path) -> int | None:
    """The number from its summary; None when it ended without one."""
    if not log.is_file():
        return None
    for line in log.read_text(encoding="utf-8").splitlines():
        if summary := json.loads(line).get("summaryEvent"):
            changes: dict[str, int] = summary.get("resourceChanges") or {}
            return sum(count for kind, count in changes.items() if kind not in _NO_CHANGE)
    return None
