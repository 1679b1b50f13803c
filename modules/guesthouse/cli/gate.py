"""`guesthouse preview --fail-on EFFECT`: what a preview would change, held to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from guesthouse.errors import Problem


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


def held(limit: Limit, stack: str, lines: Sequence[str]) -> tuple[Problem, ...]:
    """All that costs ``limit`` or more in the events (JSON, one a line) of a preview."""
    from guesthouse.report import Outcome, read_events, review

    end = f"is not let through by --fail-on {limit}"
    problems: list[Problem] = []
    events = read_events(lines)
    if not events.succeeded:
        # What nobody told of may cost anything.
        return (Problem("preview", f"its events do not say how it ended, so it {end}"),)
    for subject in review(stack, events, Outcome.OK).subjects:
        dear = [c for c in subject.changes if Limit(c.effect.word).rank >= limit.rank]
        problems += [Problem(subject.title, f"{change} {end}") for change in dear]
        worst = Limit(subject.effect.word)
        if not dear and subject.action != "created" and worst.rank >= limit.rank:
            problems.append(Problem(subject.title, f"{subject.fate} ({worst}) {end}"))
    return tuple(problems)
