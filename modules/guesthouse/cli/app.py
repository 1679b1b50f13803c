"""The command `guesthouse`: all its doors, and what every door does with an error.

Exit codes: 0 done, 1 the engine failed, or a check did not pass (or there was none), 2 the site
file or the arguments are wrong, 3 a machine answered with an error, 4 a machine is unreachable,
5 refused (a preview that costs what `--fail-on` names, or worse, too), 6 the lab, 7 the engine or a
tool is missing, 8 the stack is locked by another run, 70 a mistake of ours (see the log), 130
Ctrl-C. `ssh` exits with the code of the remote command.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from guesthouse.cli import (
    check,
    deploy,
    lab,
    measure,
    metrics,
    plan,
    schema,
    ssh,
    state,
    status,
    verify,
    where,
)
from guesthouse.cli.output import print_error
from guesthouse.cli.project import Project
from guesthouse.display import visible
from guesthouse.errors import GuesthouseError, Problem, SetupError

# sysexits(3) EX_SOFTWARE: an error inside the program.
INTERNAL = 70

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: guesthouse lab up && guesthouse up lab --yes && guesthouse verify lab",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"guesthouse {version('guesthouse')}")
        raise typer.Exit


@app.callback()
def root(
    folder: Annotated[
        Path | None, typer.Option("-C", "--folder", help="Run as if started in this folder.")
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Infrastructure as code for hypervisor hosts and their guests."""
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            problem = Problem(str(folder), f"cannot be entered: {error.strerror}")
            raise SetupError(problem) from None


app.command(epilog=check.EXAMPLE)(check.check)
app.command(epilog=schema.EXAMPLE)(schema.schema)
app.command(epilog=plan.EXAMPLE)(plan.plan)
app.command(epilog=deploy.PREVIEW_EXAMPLE)(deploy.preview)
app.command(epilog=deploy.UP_EXAMPLE)(deploy.up)
app.command(epilog=verify.EXAMPLE)(verify.verify)
app.command(epilog=deploy.DESTROY_EXAMPLE)(deploy.destroy)
app.command(epilog=status.EXAMPLE)(status.status)
app.command(epilog=metrics.EXAMPLE)(metrics.metrics)
app.command(epilog=where.EXAMPLE)(where.where)
app.command(epilog=measure.EXAMPLE)(measure.measure)
app.command(epilog=ssh.EXAMPLE)(ssh.ssh)
app.add_typer(state.app, name="state")
app.add_typer(lab.app, name="lab")


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit code. A user's mistake is a message, never a traceback."""
    try:
        app(args=argv, prog_name="guesthouse")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except GuesthouseError as error:
        print_error(error)
        return error.exit_code
    except Exception as error:
        log = _write_log()
        what = f"an unexpected error: {type(error).__name__}: {error}"
        hint = f"this is a mistake in guesthouse; the details are in {log}"
        print_error(GuesthouseError(Problem("guesthouse", what, hint=hint)))
        return INTERNAL
    return 0


def _write_log() -> Path:
    """The traceback of the current exception, in a file of its own."""
    try:
        folder = Project.find().home / "log"
        folder.mkdir(parents=True, exist_ok=True)
    except (GuesthouseError, OSError):
        folder = Path(tempfile.mkdtemp(prefix="guesthouse-log-"))
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    path.write_text(visible(f"{' '.join(sys.argv)}\n\n{traceback.format_exc()}"), encoding="utf-8")
    return path


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run())
