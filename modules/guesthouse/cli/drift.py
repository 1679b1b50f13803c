"""How many resources a preview would change, as the engine's own events tell."""

from __future__ import annotations

from collections.abc import Iterable

_NO_CHANGE = {"same", "read", "refresh"}


def resources(lines: Iterable[str]) -> int | None:
    """The number from its summary; None when there is none, or it failed before any change.

    One that fails with changes has refused some of them (or came no further): they are there.
    ``lines`` are JSON.
    """
    from guesthouse.report import read_events

    events = read_events(lines)
    changes: dict[str, int] = events.summary.get("resourceChanges") or {}
    count = sum(count for kind, count in changes.items() if kind not in _NO_CHANGE)
    return count if count or events.succeeded else None
