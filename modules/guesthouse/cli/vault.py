"""Secrets of a stack: which ones its site needs, and that the engine's configuration has them.

Values go in through standard input, encrypted by the engine; they are never an argument, never
printed and never read back here.
"""

from __future__ import annotations

import secrets

from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SiteError
from guesthouse.placement import Plan


def missing(project: Project, plan: Plan) -> list[str]:
    """Names of secrets that the plan needs and the stack's configuration lacks."""
    config = project.config(plan.identity.stack)
    return [name for name in plan.secrets if name not in config]


def require(project: Project, plan: Plan) -> None:
    """Raises SiteError with the command for every secret that is missing or in clear text."""
    stack = plan.identity.stack
    config = project.config(stack)
    file = project.shown(project.config_file(stack))
    found = []
    for name in plan.secrets:
        value = config.get(name)
        if isinstance(value, dict) and "secure" in value:
            continue
        command = f". ./env.sh && pulumi config set --secret -s {stack} {project.name}:{name}"
        what = "is missing" if value is None else "is in clear text"
        found.append(Problem(file, f"the secret '{name}' {what}", hint=f"run: {command}"))
    if found:
        raise SiteError(*found)


def generate(engine: Engine, plan: Plan) -> list[str]:
    """Give every missing secret a random value of 144 bits; gives their names."""
    names = missing(engine.project, plan)
    stack = plan.identity.stack
    for name in names:
        key = f"{engine.project.name}:{name}"
        engine.ask("config", "set", "--secret", "-s", stack, key, text=secrets.token_urlsafe(18))
    return names
