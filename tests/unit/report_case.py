"""Previews that the real engine made on libvirt's test driver, as recorded: site, events, state."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from guesthouse import sitefile
from guesthouse.placement import Plan, plan
from guesthouse.report import Ending, Outcome, read_events, report_files
from guesthouse.report.events import Events

FOLDER = Path(__file__).resolve().parent / "recorded_report"
# Both lead from the same state to the same site, but for `allow: [restart]`.
CASES = {"refused": Outcome.FAILED, "permitted": Outcome.OK}


@cache
def site_plan(case: str) -> Plan:
    """What is declared."""
    site = sitefile.read(FOLDER / f"{case}.site.yaml").checked()
    return plan(site, project="guesthouse", stack="test")


def events(case: str) -> Events:
    """What the engine told."""
    return read_events((FOLDER / f"{case}.events").read_text().splitlines())


def deployment() -> dict[str, Any]:
    """What `pulumi stack export` gave before the change."""
    state = json.loads((FOLDER / "state.json").read_text())
    return dict(state["deployment"])


def resources() -> list[Any]:
    """The same, as a report takes it when nothing was refreshed."""
    return list(read_events([]).state(deployment()))


def files(case: str) -> dict[str, str]:
    """The report."""
    outcome = CASES[case]
    code = 0 if outcome is Outcome.OK else 1
    return report_files(site_plan(case), events(case), deployment(), Ending(outcome, code))


def step(kind: str, name: str, **values: Any) -> str:
    """A line of the log, of one resource: op, old and new inputs, and what its provider told.

    A ``kind`` with a colon is somebody else's type.
    """
    kind = kind if ":" in kind else f"guesthouse:index:{kind}"
    urn = f"urn:pulumi:test::guesthouse::guesthouse:site:Site${kind}::{name}"
    told = {"preview": values["told"]} if "told" in values else {}
    metadata = {
        "op": values.get("op", "update"),
        "urn": urn,
        "type": kind,
        "old": {"custom": True, "inputs": values.get("old", {}), "outputs": {}},
        "new": {"custom": True, "inputs": values.get("new", {}), "outputs": told},
    }
    return json.dumps({"resOutputsEvent": {"planning": True, "metadata": metadata}})
