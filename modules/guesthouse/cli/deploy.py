"""`guesthouse preview|up|destroy`: plain `pulumi` in this project, after a look at the site file.

What needs no engine fails before the engine starts: a wrong site file, a missing secret.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from guesthouse.cli.project import Project

PREVIEW_EXAMPLE = "Example: guesthouse preview lab --diff"
UP_EXAMPLE = "Example: guesthouse up lab --yes"
DESTROY_EXAMPLE = "Example: guesthouse destroy lab --yes"

StackName = Annotated[str, typer.Argument(help="The stack, as stacks/STACK.site.yaml.")]
MoreArguments = Annotated[
    list[str] | None, typer.Argument(metavar="[-- ARG...]", help="More arguments for pulumi.")
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Compare with the machines first.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show changes line by line.")]
NoChanges = Annotated[
    bool, typer.Option("--expect-no-changes", help="Fail when anything would change.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def preview(
    stack: StackName,
    more: MoreArguments = None,
    refresh: Refresh = False,
    diff: Diff = False,
    expect_no_changes: NoChanges = False,
    as_json: Json = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.prom", help="Write how many resources would change, for Prometheus."
        ),
    ] = None,
) -> None:
    """Show what `up` would change. Same work as `pulumi preview -s STACK`."""
    options = {
        "--refresh": refresh,
        "--diff": diff,
        "--expect-no-changes": expect_no_changes,
        "--json": as_json,
    }
    _prepare(stack)
    _engine("preview", stack, options, more, metrics)


def up(
    stack: StackName,
    more: MoreArguments = None,
    yes: Yes = False,
    refresh: Refresh = False,
    diff: Diff = False,
    expect_no_changes: NoChanges = False,
) -> None:
    """Make it so. Same work as `pulumi up -s STACK`."""
    options = {
        "--yes": yes,
        "--refresh": refresh,
        "--diff": diff,
        "--expect-no-changes": expect_no_changes,
    }
    _prepare(stack)
    _engine("up", stack, options, more)


def destroy(
    stack: StackName,
    more: MoreArguments = None,
    yes: Yes = False,
    refresh: Refresh = False,
    diff: Diff = False,
) -> None:
    """Take everything of a stack away; its configuration stays. As `pulumi destroy -s STACK`."""
    # The site file is not read: what was made must go, whatever the file says by now.
    _engine("destroy", stack, {"--yes": yes, "--refresh": refresh, "--diff": diff}, more)


def _prepare(stack: str) -> None:
    """The site file is valid, the engine knows the stack, all secrets are there."""
    from guesthouse.cli import vault
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.stack import read_plan

    project = Project.find()
    plan = read_plan(project, stack)
    Engine(project).ensure_stack(stack)
    vault.require(project, plan)


def _engine(
    verb: str,
    stack: str,
    options: dict[str, bool],
    more: list[str] | None,
    metrics: Path | None = None,
) -> None:
    """``metrics`` is written when the engine came to an end, whatever its exit code."""
    from guesthouse.cli import drift, textfile
    from guesthouse.cli.engine import INTERRUPTED, Engine
    from guesthouse.cli.locks import clear_dead

    for pid in clear_dead(Project.find(), stack):
        typer.echo(f"cleared the lock of process {pid}, which is dead", err=True)
    flags = [flag for flag, wanted in options.items() if wanted]
    engine = Engine(Project.find())
    with TemporaryDirectory(prefix="guesthouse-events-") as folder:
        log = Path(folder) / "events.json"
        if metrics:
            engine.env |= drift.ENVIRONMENT
            flags += drift.arguments(log)
        code = engine.run(verb, "-s", stack, *flags, *(more or ()))
        count = drift.resources(log)
    if metrics and count is not None:
        textfile.write(metrics, textfile.drifted(stack, count))
    if code:
        # The engine has its own codes, and said why; ours are stable.
        raise typer.Exit(INTERRUPTED if code == INTERRUPTED else 1)
