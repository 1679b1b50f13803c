"""What a preview would change, held to a limit; on events that the real engine wrote."""

from __future__ import annotations

import pytest
from report_case import FOLDER

from guesthouse.cli.gate import Limit, hold
from guesthouse.effects import Effect
from guesthouse.errors import RefusedError

EVENTS = (FOLDER / "permitted.events").read_text().splitlines()


def told(limit: Limit, lines: list[str]) -> list[str]:
    """What does not pass the limit."""
    try:
        hold(limit, "test", lines)
    except RefusedError as error:
        assert error.exit_code == 5
        return [str(problem) for problem in error.problems]
    return []


def test_the_limits_are_the_effects_in_their_order() -> None:
    assert list(Limit) == list(dict.fromkeys(effect.word for effect in Effect))


def test_nothing_passes_where_nothing_changes() -> None:
    assert told(Limit.NONE, []) == []


def test_each_limit_lets_less_through_than_the_next() -> None:
    counts = [len(told(limit, EVENTS)) for limit in Limit]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("limit", [Limit.RESTART, Limit.LIVE])
def test_what_is_held_back_is_named_with_its_cost(limit: Limit) -> None:
    lines = told(limit, EVENTS)
    assert lines
    for line in lines:
        assert line.endswith(f"is not let through by --fail-on {limit}")
        effect = line.rpartition(")")[0].rpartition("(")[2].partition(":")[0]
        assert Limit(effect).rank >= limit.rank
