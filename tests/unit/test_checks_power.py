"""A guest is judged by the power state that it is declared to have."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from checks_case import SITE, as_declared, changed, site_plan

from guesthouse.checks.check import judge
from guesthouse.checks.compile import checks


def _guests(power: str) -> dict[str, Any]:
    guests = copy.deepcopy(SITE["guests"])
    guests["web"]["power"] = power
    return guests


@pytest.mark.parametrize(("power", "state"), [("stopped", "shut off"), ("paused", "paused")])
def test_nothing_is_asked_of_a_guest_that_is_not_to_run(power: str, state: str) -> None:
    plan = site_plan(guests=_guests(power))
    domain = ("hosts", "h1", "hypervisor", "domains", "web")
    facts = as_declared(plan)
    found = {f.id: f for f in judge(checks(plan), changed(facts, (*domain, "state"), state))}
    assert not [id for id in found if id.startswith("web: ")]
    assert {f.status for f in found.values()} == {"passed"}
    found = {f.id: f for f in judge(checks(plan), facts)}
    failed = [f for f in found.values() if f.status == "failed"]
    assert [(f.id, f.seen, f.wanted) for f in failed] == [
        (f"h1: guests.web {power}", "running", state)
    ]
