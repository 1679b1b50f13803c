"""What the site file says of hosts in maintenance, for a provider whose run has no program."""

from __future__ import annotations

import json

from guesthouse.cli.project import Project
from guesthouse.errors import GuesthouseError
from guesthouse.placement import Plan
from guesthouse.provider.maintenance import VARIABLE


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
