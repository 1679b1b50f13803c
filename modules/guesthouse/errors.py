"""The error tree. Comes in: what went wrong. Goes out: one readable message that
may be shown anywhere. May import: display.

The form of every message: ``where: what is wrong, got <value>, allowed <values>`` and, on a line
of its own, ``hint: <the next action>``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guesthouse.display import visible

# The engine's exit code is 1, whatever happened. So what it runs for us, program and provider, note
# the codes of their errors in the file that this variable of the environment names, if it does.
CODES_FILE = "GUESTHOUSE_EXIT_CODES"


@dataclass(frozen=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do next.

    ``where`` is a place a user can open (``file:line:column yaml.path``) or an object's name.
    ``got`` and ``allowed`` are already printable text; empty means "does not apply".
    ``path`` is the place in the site (``("guests", "web", "host")``), when there is one.
    ``rule`` and ``position`` are for programs: the kind of mistake, by a name that stays, and where
    in a file it is.
    """

    where: str
    what: str
    got: str = ""
    allowed: str = ""
    hint: str = ""
    path: tuple[str, ...] = ()
    rule: str = field(default="", compare=False)
    position: Position | None = field(default=None, compare=False)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        if self.got:
            text += f", got {self.got}"
        if self.allowed:
            text += f", allowed {self.allowed}"
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return visible(text)


class GuesthouseError(Exception):
    """Base of all errors that a user may see. ``exit_code`` is stable."""

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems: Sequence[Problem] = problems


class SiteError(GuesthouseError):
    """The site file, or a Site built in Python, is not valid. Nothing was touched."""

    exit_code = 2


class MachineError(GuesthouseError):
    """A machine answered with an error."""

    exit_code = 3


class UnreachableError(MachineError):
    """A machine did not answer. Unreachable is not gone: nothing is concluded from it."""

    exit_code = 4


class RefusedError(GuesthouseError):
    """A change that is not permitted, or that this version cannot do. Nothing was touched."""

    exit_code = 5


class LabError(GuesthouseError):
    """The lab could not be built or started."""

    exit_code = 6


class SetupError(GuesthouseError):
    """The engine or a tool that we start is missing or failed."""

    exit_code = 7


class LockedError(GuesthouseError):
    """Another run holds the stack's lock. Nothing was touched."""

    exit_code = 8


def note_exit_code(code: int) -> None:
    """Tell the command that started the engine which exit code an error has; alone: nothing."""
    if file := os.environ.get(CODES_FILE):
        # One short write to a file opened for appending: processes do not mix their lines.
        with Path(file).open("a", encoding="ascii") as codes:
            codes.write(f"{code}\n")
