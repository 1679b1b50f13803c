"""What the site file says of hosts in maintenance, for a provider whose run has no program; and
what a preview would remove there, which the engine asks no provider about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guesthouse.cli.project import Project
from guesthouse.errors import GuesthouseError, Problem, RefusedError
from guesthouse.placement import Plan
from guesthouse.provider.maintenance import VARIABLE, Maintenance

if TYPE_CHECKING:
    from guesthouse.cli.engine import Engine
    from guesthouse.report.events import Step

# Arguments of `up` that a preview does not know.
_ONLY_UP = frozenset({"--skip-preview", "-f", "--yes", "-y"})


def declared(plan: Plan) -> dict[str, str]:
    """The variable for the engine's environment."""
    return {VARIABLE: json.dumps({name: h.host.maintenance for name, h in plan.hosts.items()})}


def declared_if_readable(project: Project, stack: str) -> dict[str, str]:
    """As `declared`; without a valid site file the state's flags hold."""
    from guesthouse.cli.stack import read_plan

    try:
        return declared(read_plan(project, stack))
    except GuesthouseError:
        return {}


def removals(plan: Plan, lines: Sequence[str]) -> tuple[Problem, ...]:
    """What a preview's events (JSON, one a line) would remove from hosts in maintenance."""
    from guesthouse.report import read_events

    flags = Maintenance(declared(plan))
    found: list[Problem] = []
    for step in read_events(lines).steps.values():
        values = {"connection": step.old.get("connection") or {"name": _pools_host(step)}}
        if step.action in ("deleted", "replaced"):
            try:
                flags.refuse(step.urn.rpartition("::")[2], step.urn, values)
            except RefusedError as error:
                found += error.problems
    return tuple(found)


def _pools_host(step: Step) -> str:
    """A pool names no host: its provider does (components/libvirt.py)."""
    return step.provider.rpartition("::")[2].removesuffix("-libvirt")


def refuse_removals(engine: Engine, plan: Plan, stack: str, more: Sequence[str]) -> None:
    """Raise RefusedError before an `up` that would remove something from a host in maintenance.

    A preview that fails says nothing here: the one of the `up` itself does.
    """
    from guesthouse.cli.report import listened
    from guesthouse.cli.turns import in_turn

    if not any(host.host.maintenance for host in plan.hosts.values()):
        return
    known = [argument for argument in more if argument not in _ONLY_UP]

    def quietly(*arguments: str) -> int:
        in_turn(lambda: engine.ask("preview", "-s", stack, *arguments, *known))
        return 0

    try:
        _, lines = listened(engine, quietly)
    except GuesthouseError:
        return
    problems = removals(plan, lines)
    if problems:
        raise RefusedError(*problems)
