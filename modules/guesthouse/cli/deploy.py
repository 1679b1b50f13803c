"""`guesthouse preview|up|destroy`: plain `pulumi` in this project, after a look at the site file.

What needs no engine fails before the engine starts: a wrong site file, a missing secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.gate import Limit
from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SetupError

if TYPE_CHECKING:
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.state_files import StateFiles
    from guesthouse.placement import Plan

PREVIEW_EXAMPLE = "Example: guesthouse preview lab --diff --report review"
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
FailOn = Annotated[
    Limit | None,
    typer.Option(
        "--fail-on", metavar="EFFECT", help=f"Exit with 5 if it costs so much: {', '.join(Limit)}."
    ),
]
Policies = Annotated[
    Path | None,
    typer.Option(
        "--policies", metavar="DIR", exists=True, file_okay=False, help="Hold it to these policies."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Metrics = Annotated[
    Path | None,
    typer.Option(metavar="FILE.prom", help="Write how many resources change, for Prometheus."),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="DIR", help="Write a report for reviewers there.")
]


def preview(
    stack: StackName,
    more: MoreArguments = None,
    refresh: Refresh = False,
    diff: Diff = False,
    expect_no_changes: NoChanges = False,
    as_json: Json = False,
    report: Report = None,
    fail_on: FailOn = None,
    policies: Policies = None,
    metrics: Metrics = None,
) -> None:
    """Show what `up` would change. Same work as `pulumi preview -s STACK`."""
    options = {
        "--refresh": refresh,
        "--diff": diff,
        "--expect-no-changes": expect_no_changes,
        "--json": as_json,
    }
    more = [*_policy_pack(policies), *(more or ())]
    _told(Telling(report, metrics, fail_on), stack, options, more)


def up(
    stack: StackName,
    more: MoreArguments = None,
    yes: Yes = False,
    refresh: Refresh = False,
    diff: Diff = False,
    expect_no_changes: NoChanges = False,
    policies: Policies = None,
) -> None:
    """Make it so. Same work as `pulumi up -s STACK`."""
    options = {
        "--yes": yes,
        "--refresh": refresh,
        "--diff": diff,
        "--expect-no-changes": expect_no_changes,
    }
    plan = _prepare(stack)
    _engine("up", stack, options, [*_policy_pack(policies), *(more or ())], plan)


def destroy(
    stack: StackName,
    more: MoreArguments = None,
    yes: Yes = False,
    refresh: Refresh = False,
    diff: Diff = False,
) -> None:
    """Take everything of a stack away; its configuration stays. As `pulumi destroy -s STACK`."""
    # What was made must go, whatever the site file says by now, save on hosts in maintenance.
    _engine("destroy", stack, {"--yes": yes, "--refresh": refresh, "--diff": diff}, more)


@dataclass(frozen=True)
class Telling:
    """What is made of a preview's events: a report in a folder, a file for Prometheus, a limit."""

    report: Path | None
    metrics: Path | None
    limit: Limit | None


def _told(telling: Telling, stack: str, options: dict[str, bool], more: list[str]) -> None:
    """Preview, write what it told, hold the changes to the limit."""
    from guesthouse.cli import drift, textfile
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.gate import held
    from guesthouse.cli.maintenance import declared, removals
    from guesthouse.cli.report import Told, listened, or_report, prepare_folder, write_report
    from guesthouse.errors import RefusedError

    folder = prepare_folder(telling.report) if telling.report else None
    plan = or_report(folder, stack, lambda: _prepare(stack)) if folder else _prepare(stack)
    engine = Engine(Project.find())
    engine.env |= declared(plan)

    def run(*arguments: str) -> int:
        return _run(engine, "preview", stack, options, [*arguments, *more])

    code, lines = listened(engine, run)
    limit = None if code else telling.limit
    problems = () if code else removals(plan, lines)
    problems += held(limit, stack, lines) if limit else ()
    if folder:
        write_report(folder, engine, plan, Told(code, lines, problems))
    count = drift.resources(lines)
    if telling.metrics and count is not None:
        textfile.write(telling.metrics, textfile.drifted(stack, count))
    _exit(code)
    if problems:
        raise RefusedError(*problems)


def _prepare(stack: str) -> Plan:
    """The plan: the site file is valid, the engine knows the stack, all secrets are there."""
    from guesthouse.cli import vault
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.stack import read_plan

    project = Project.find()
    plan = read_plan(project, stack)
    Engine(project).ensure_stack(stack)
    vault.require(project, plan)
    return plan


def _policy_pack(folder: Path | None) -> list[str]:
    """The engine runs in the project folder, the user may be elsewhere."""
    return [] if folder is None else ["--policy-pack", str(folder.resolve())]


def _engine(
    verb: str,
    stack: str,
    options: dict[str, bool],
    more: list[str] | None,
    plan: Plan | None = None,
) -> None:
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.maintenance import declared, declared_if_readable, refuse_removals

    engine = Engine(Project.find())
    engine.env |= declared(plan) if plan else declared_if_readable(engine.project, stack)
    if plan:
        refuse_removals(engine, plan, stack, more or ())
    _exit(_run(engine, verb, stack, options, more))


def _run(
    engine: Engine, verb: str, stack: str, options: dict[str, bool], more: list[str] | None
) -> int:
    from guesthouse.cli.locks import clear_dead
    from guesthouse.cli.turns import in_turn
    from guesthouse.cli.verbosity import refuse_too_much

    refuse_too_much(more or ())
    for pid in clear_dead(engine.project, stack):
        typer.echo(f"cleared the lock of process {pid}, which is dead", err=True)
    flags = [flag for flag, wanted in options.items() if wanted]

    def attempt() -> int:
        return engine.run(verb, "-s", stack, *flags, *(more or ()))

    if verb == "preview" or engine.project.state_is_elsewhere:
        return in_turn(attempt)
    return _kept(engine.project, stack, lambda: in_turn(attempt))


def _kept(project: Project, stack: str, run: Callable[[], int]) -> int:
    """A run that writes the state in files: with room for it, and with a copy before and after."""
    from guesthouse.cli.state_files import StateFiles

    files = StateFiles(project, stack)
    files.require_room()
    _copy(files)
    code = run()
    _copy(files)
    return code


def _copy(files: StateFiles) -> None:
    from guesthouse.cli.checkpoint import Broken

    try:
        files.keep()
    except (OSError, Broken) as error:
        where = files.project.shown(files.copies)
        hint = "make room on that disk; the copies there are as they were"
        problem = Problem(where, "the state cannot be copied", got=str(error), hint=hint)
        raise SetupError(problem) from None


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)
