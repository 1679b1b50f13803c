"""`guesthouse preview --fail-on EFFECT`: what a preview would change, held to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from guesthouse.errors import Problem, RefusedError


class Limit(StrEnum):
    """What a change costs (effects.Effect, in the words of ``allow``), from harmless to worst."""

    NONE = "none"
    LIVE = "live"
    LINK_LOSS = "link_loss"
    RESTART = "restart"
    MIGRATE = "migrate"
    REPLACE = "replace"
    DESTROYS_DATA = "destroys_data"

    @property
    def rank(self) -> int:
        """0 for harmless, more for worse."""
        return list(Limit).index(self)


def hold(limit: Limit, stack: str, lines: Sequence[str]) -> None:
    """Raise RefusedError with all that costs ``limit`` or more in a preview's events."""
    from guesthouse.report import Outcome, read_events, review

    end, problems = f"is not let through by --fail-on {limit}", []
    events = read_events(lines)
    if not events.succeeded:
        # What nobody told of may cost anything.
        raise RefusedError(Problem("preview", f"its events do not say how it ended, so it {end}"))
    for subject in review(stack, events, Outcome.OK).subjects:
        dear = [c for c in subject.changes if Limit(c.effect.word).rank >= limit.rank]
        problems += [Problem(subject.title, f"{change} {end}") for change in dear]
        worst = Limit(subject.effect.word)
        if not dear and subject.action != "created" and worst.rank >= limit.rank:
            problems.append(Problem(subject.title, f"{subject.fate} ({worst}) {end}"))
    if problems:
        raise RefusedError(*problems)
