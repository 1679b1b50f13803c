"""How much the engine may log: from level 8 on it logs what it sends to program and providers, with
secrets in clear, into its log files or on standard error."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from guesthouse.errors import Problem, SiteError

HIGHEST = 7
_FLAG = re.compile(r"(?:--verbose|-[A-Za-z]*v)(?:=(.*)|(\S+))?", re.DOTALL)


def refuse_too_much(arguments: Sequence[str]) -> None:
    """Raise SiteError when arguments for the engine ask for a level above ``HIGHEST``."""
    for argument, after in itertools.pairwise([*arguments, ""]):
        found = _FLAG.fullmatch(argument)
        if found is None:
            continue
        level = next((group for group in found.groups() if group is not None), after)
        if not (re.fullmatch("[0-9]", level) and int(level) <= HIGHEST):
            what = "the engine would log secrets in clear"
            hint = f"ask for less: -v {HIGHEST}"
            raise SiteError(Problem("--verbose", what, f"'{level}'", f"0 to {HIGHEST}", hint))
