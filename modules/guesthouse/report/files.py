"""All files of a report, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from guesthouse.display import visible_json
from guesthouse.errors import Problem
from guesthouse.placement import Plan
from guesthouse.report.events import Events
from guesthouse.report.gone import add_gone
from guesthouse.report.markdown import markdown
from guesthouse.report.mermaid import mermaid
from guesthouse.report.planned import planned_hosts
from guesthouse.report.present import present_hosts
from guesthouse.report.review import Ending, Outcome, Review, review
from guesthouse.report.svg import svg
from guesthouse.report.topology import Topology, marks
from guesthouse.report.values import report_values

TEXT, VALUES, DIAGRAM = "report.md", "report.json", "topology.mmd"
BEFORE, AFTER = "topology-before.svg", "topology.svg"
FILES = (TEXT, VALUES, DIAGRAM, BEFORE, AFTER)


def report_files(
    plan: Plan, events: Events, deployment: Mapping[str, Any], ending: Ending
) -> dict[str, str]:
    """A preview's report: ``deployment`` is what the engine exported of the state."""
    stack, state = plan.identity.stack, events.state(deployment)
    if ending.outcome not in (Outcome.OK, Outcome.HELD):
        add_gone(events, state, plan)
    found = replace(review(stack, events, ending.outcome), held=ending.held)
    before, after = present_hosts(state, plan), planned_hosts(plan)
    mark = marks(found)
    old = {k: m for k, m in mark.items() if m.style != "created"}
    new = {k: m for k, m in mark.items() if m.style != "deleted"}
    then = Topology(f"{stack} after the change", after, new)
    diagram = mermaid(then)
    return {
        TEXT: markdown(found, diagram, (BEFORE, AFTER)),
        VALUES: _json(report_values(found, ending.exit_code, before, after)),
        DIAGRAM: diagram,
        BEFORE: svg(Topology(f"{stack} before the change", before, old)),
        AFTER: svg(then),
    }


def failed_early(stack: str, problems: Sequence[Problem], exit_code: int) -> dict[str, str]:
    """The report of a preview that did not begin: no plan, so no topology."""
    found = Review(stack, Outcome.FAILED, (), (), tuple(problems))
    return {
        TEXT: markdown(found, "", ()),
        VALUES: _json(report_values(found, exit_code, None, None)),
    }


def _json(value: Any) -> str:
    return visible_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
