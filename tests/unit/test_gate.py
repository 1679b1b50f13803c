"""What a preview would change, held to a limit; on events that the real engine wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from report_case import FOLDER, step

from guesthouse.cli.gate import Limit, held
from guesthouse.effects import Effect

EVENTS = (FOLDER / "permitted.events").read_text().splitlines()
# What they come to, from worst to harmless.
HELD = {
    "guest old: deleted, and its disks (destroys_data)": Limit.DESTROYS_DATA,
    "guest db: memory 1024 -> 2048 MiB (restart: it was started with at most 1024 MiB)": (
        Limit.RESTART
    ),
    "guest cache: disk more added (live)": Limit.LIVE,
    "guest cache: root ports changed (none)": Limit.NONE,
    "guest web: description plain -> better | <b>bold</b> @team (live)": Limit.LIVE,
    "network nat on t1: dhcp range 10.77.0.2-10.77.0.254 -> 10.77.0.9-10.77.0.99 (live)": (
        Limit.LIVE
    ),
}


DELETED, REPLACED = "deleted (destroys_data)", "replaced (destroys_data)"


def told(limit: Limit, lines: list[str]) -> list[str]:
    """What does not pass the limit."""
    return [str(problem) for problem in held(limit, "test", lines)]


def ended(*lines: str, result: str = "succeeded") -> list[str]:
    """The lines, and that the engine came to an end."""
    return [*lines, json.dumps({"summaryEvent": {"result": result}})]


def change(effect: Effect, what: str = "it") -> dict[str, Any]:
    return {"what": what, "old": "1", "new": "2", "effect": effect.value}


def test_the_limits_are_the_effects_in_their_order() -> None:
    assert list(Limit) == list(dict.fromkeys(effect.word for effect in Effect))


def test_nothing_is_held_back_where_nothing_changes() -> None:
    assert told(Limit.NONE, ended()) == []


@pytest.mark.parametrize("limit", Limit)
def test_each_limit_holds_back_what_costs_so_much_and_names_it(limit: Limit) -> None:
    end = f"is not let through by --fail-on {limit}"
    assert told(limit, EVENTS) == [
        f"{what} {end}" for what, cost in HELD.items() if cost.rank >= limit.rank
    ]


def test_what_is_made_new_costs_nothing() -> None:
    assert told(Limit.NONE, ended(step("Guest", "g", op="create", new={"name": "g"}))) == []


def test_all_that_is_too_dear_of_one_thing_is_named_once() -> None:
    changes = [change(Effect.RESTART, "cpu"), change(Effect.LIVE), change(Effect.REPLACE, "disk")]
    line = step("Guest", "g", told={"changes": changes, "refused": []})
    end = "is not let through by --fail-on restart"
    assert told(Limit.RESTART, ended(line)) == [
        f"guest g: cpu 1 -> 2 (restart) {end}",
        f"guest g: disk 1 -> 2 (replace) {end}",
    ]


@pytest.mark.parametrize(
    ("kind", "op", "held", "passes", "fate"),
    [
        ("Guest", "delete", Limit.DESTROYS_DATA, None, "deleted, and its disks (destroys_data)"),
        ("Network", "delete", Limit.LIVE, Limit.LINK_LOSS, "deleted (live)"),
        ("Image", "replace", Limit.REPLACE, Limit.DESTROYS_DATA, "replaced (replace)"),
        ("Host", "update", Limit.NONE, Limit.LIVE, "changed (none)"),
        ("libvirt:index/volume:Volume", "delete", Limit.DESTROYS_DATA, None, DELETED),
        ("libvirt:index/volume:Volume", "replace", Limit.DESTROYS_DATA, None, REPLACED),
    ],
)
def test_what_tells_no_changes_costs_what_becomes_of_it(
    kind: str, op: str, held: Limit, passes: Limit | None, fate: str
) -> None:
    lines = ended(step(kind, "x", op=op, old={"connection": {"name": "x"}}))
    (line,) = told(held, lines)
    assert line.endswith(f"x: {fate} is not let through by --fail-on {held}") or (
        line.endswith(f"x on x: {fate} is not let through by --fail-on {held}")
    )
    assert passes is None or told(passes, lines) == []


@pytest.mark.parametrize("lines", [[], EVENTS[:3], ['{"half": '], ended(result="failed")])
def test_events_without_an_end_pass_no_limit(lines: list[str]) -> None:
    for limit in Limit:
        assert told(limit, lines) == [
            "preview: its events do not say how it ended, so it is not let through by "
            f"--fail-on {limit}"
        ]
