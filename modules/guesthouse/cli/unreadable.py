"""The engine's words for a state that it got, and cannot read: what the user is told instead."""

from __future__ import annotations

import re

from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SetupError

START = "failed to load checkpoint: "
# "blob ..." is that it did not get the object, unless it did and the checksum is of another one.
_UNREADABLE = re.compile(rf"{START}(?P<why>(?!blob \().*|.*checksum did not match.*)")


def refuse_if_unreadable(text: str, project: Project, stack: str) -> None:
    """Raises SetupError when ``text``, what the engine said, is about a spoilt state."""
    found = _UNREADABLE.search(text)
    if found is None:
        return
    hint = f"run: guesthouse state recover {stack} (it says what it will do, and asks)"
    if project.state_is_elsewhere:
        key = f".pulumi/stacks/{project.name}/{stack}.json"
        hint = (
            f"put back an earlier version of the object {key} (versioning of the bucket), "
            f"or one of .pulumi/backups/{project.name}/{stack}/: docs/state.md"
        )
    what = "its state cannot be read"
    raise SetupError(Problem(f"stack {stack}", what, got=found["why"].strip(), hint=hint))
