"""`guesthouse state check|recover`: is the state of a stack whole, and the way back."""

from __future__ import annotations

from typing import Annotated

import typer

from guesthouse.cli.project import Project
from guesthouse.errors import LockedError, Problem, RefusedError, SetupError

app = typer.Typer(no_args_is_help=True, help="The state in files: check it, or recover it.")


@app.command(epilog="Example: guesthouse state check")
def check(stack: Annotated[str, typer.Argument(help="One stack; else all.")] = "") -> None:
    """Read the state of one stack, or of all; exit with 7 when one is broken."""
    from guesthouse.cli.state_files import StateFiles, stacks

    project = _project()
    names = [stack] if stack else stacks(project)
    broken: list[Problem] = []
    for name in names:
        try:
            state = StateFiles(project, name).current()
        except (SetupError, RefusedError) as error:
            broken += error.problems
            continue
        said = f"{state.resources} resources, {len(state.data)} bytes" if state else "no state"
        typer.echo(f"OK {name}: {said}")
    if broken:
        raise SetupError(*broken)


@app.command(epilog="Example: guesthouse state recover mine")
def recover(
    stack: Annotated[str, typer.Argument(help="The stack.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put the latest whole copy in the place of a broken state, which is kept aside."""
    from guesthouse.cli.checkpoint import Broken
    from guesthouse.cli.state_files import StateFiles

    project = _project()
    files = StateFiles(project, stack)
    _refuse_if_held(project, stack)
    try:
        if files.current() is not None:
            typer.echo(f"the state of stack '{stack}' is whole, nothing to do")
            return
    except SetupError as error:
        typer.echo(str(error.problems[0]).splitlines()[0])
    best, aside = files.best(), files.aside()
    where = project.shown(files.file)
    if best is None:
        hint = "restore .guesthouse from a backup; nothing was changed"
        raise SetupError(Problem(where, "no whole copy of the state was found", hint=hint))
    typer.echo(f"puts back {project.shown(best.path)}: {best.resources} resources, of {best.time}")
    typer.echo(f"keeps what is there as {project.shown(aside)}")
    if not yes:
        typer.confirm("Go on?", abort=True)
    try:
        files.restore(best, aside)
    except (OSError, Broken) as error:
        hint = "make room on that disk, then again; the copy is untouched"
        raise SetupError(Problem(where, "cannot be written", got=str(error), hint=hint)) from None
    typer.echo(f"done; see what the hosts have by now: guesthouse preview {stack} --refresh")


def _project() -> Project:
    project = Project.find()
    if project.state_is_elsewhere:
        hint = "a bucket's versioning is the way back: docs/state.md"
        raise RefusedError(Problem("state", "is in the backend of Pulumi.yaml", hint=hint))
    return project


def _refuse_if_held(project: Project, stack: str) -> None:
    from guesthouse.cli.locks import clear_dead

    clear_dead(project, stack)
    folder = project.state / ".pulumi/locks/organization" / project.name / stack
    held = next(folder.glob("*.json"), None)
    if held is not None:
        hint = (
            f"wait for that run to end; only if it is dead: . ./env.sh && pulumi cancel -s {stack}"
        )
        raise LockedError(Problem(f"stack {stack}", "another run is at work", hint=hint))
