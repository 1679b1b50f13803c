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
    """The number from its summary; None when there is none, or it failed before any change.

    One that fails with changes has refused some of them (or came no further): they are there.
    """
    if not log.is_file():
        return None
    for line in log.read_text(encoding="utf-8").splitlines():
        if summary := json.loads(line).get("summaryEvent"):
            changes: dict[str, int] = summary.get("resourceChanges") or {}
            count = sum(count for kind, count in changes.items() if kind not in _NO_CHANGE)
            return count if count or summary.get("result") == "succeeded" else None
    return None
