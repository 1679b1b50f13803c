"""A folder that is this user's alone: not a link, and nobody else can write into it."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from guesthouse.errors import GuesthouseError, Problem


def own(folder: Path, error: type[GuesthouseError]) -> Path:
    """Makes the folder (mode 0700), or takes one of this user's; ``error`` for any other."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_own(folder) or folder.stat().st_mode & 0o022:
        hint = f"look what is in it, remove it and try again: rm -r {shlex.quote(str(folder))}"
        what = "is not used: it is a link, no folder, somebody else's, or others can write into it"
        raise error(Problem(str(folder), what, hint=hint))
    folder.chmod(0o700)
    return folder


def is_own(folder: Path) -> bool:
    """Whether it is a folder of this user's, not a link to one."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
