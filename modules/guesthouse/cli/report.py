"""`guesthouse preview --report`: the engine's preview, and what it told as files for reviewers.

The engine writes its events into a file beside its display, as it does for its Automation API; so
the display is the usual one, and the preview runs once.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guesthouse.cli.engine import INTERRUPTED, Engine
from guesthouse.cli.output import print_error, write_text
from guesthouse.errors import GuesthouseError, Problem, RefusedError, SetupError

if TYPE_CHECKING:
    from guesthouse.placement import Plan

# The engine shows `--event-log` only with this; its Automation API sets it too.
_DEBUG = "PULUMI_DEBUG_COMMANDS"


@dataclass(frozen=True)
class Told:
    """The preview's exit code, its events (JSON, one a line), what a limit then holds back."""

    code: int
    lines: Sequence[str]
    held: Sequence[Problem]

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return RefusedError.exit_code if self.held else self.code


def prepare_folder(folder: Path) -> Path:
    """The folder, made, and without files of an earlier report."""
    from guesthouse.report import FILES

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        problem = Problem(str(folder), f"no report can be written: {error.strerror}")
        raise SetupError(problem) from None
    return folder.resolve()


def or_report(folder: Path, stack: str, prepare: Callable[[], Plan]) -> Plan:
    """The plan; or the report of what is wrong before the engine begins, and the error."""
    from guesthouse.report import failed_early

    try:
        return prepare()
    except GuesthouseError as error:
        _write(folder, failed_early(stack, error.problems, error.exit_code))
        raise


def listened(engine: Engine, run: Callable[[str, str], int]) -> tuple[int, list[str]]:
    """Run the preview; its exit code, and the engine's events (JSON, one a line).

    ``run`` runs it with two more arguments.
    """
    engine.env[_DEBUG] = "true"
    with tempfile.TemporaryDirectory(prefix="guesthouse-events-") as place:
        log = Path(place) / "events"
        code = run("--event-log", str(log))
        # A preview that was refused by the engine itself (a lock, a wrong argument) has no log.
        return code, log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def write_report(folder: Path, engine: Engine, plan: Plan, told: Told) -> None:
    """Write what a preview told."""
    from guesthouse.report import Ending, Outcome, read_events, report_files

    outcome = Outcome.INTERRUPTED if told.code == INTERRUPTED else Outcome.FAILED
    if not told.code:
        outcome = Outcome.HELD if told.held else Outcome.OK
    ending = Ending(outcome, told.exit_code, tuple(told.held))
    state = _deployment(engine, plan.identity.stack)
    _write(folder, report_files(plan, read_events(told.lines), state, ending))


def _deployment(engine: Engine, stack: str) -> dict[str, Any]:
    """The state; secrets in it are encrypted. Where it cannot be had, the preview said why."""
    try:
        state = json.loads(engine.ask("stack", "export", "-s", stack))
    except GuesthouseError as error:
        print_error(error)
        return {}
    return state.get("deployment") or {}


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        write_text(folder / name, text)
