"""Where this user's shared ssh connections live: a folder of the user's own, never a shared one.

It is ``$XDG_RUNTIME_DIR/guesthouse``, else ``${XDG_STATE_HOME:-~/.local/state}/guesthouse`` (XDG
Base Directory Specification). Where a socket's path would be too long there, or nothing can be
written, it is a folder with a name that nobody can guess, for this process alone.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from guesthouse.errors import MachineError
from guesthouse.own_folder import is_own, own

# unix(7): 108 bytes with the closing zero. ssh(1) binds "/%C" (40 digits), a dot and 16 letters.
LONGEST_FOLDER_BYTES = 107 - len("/") - 40 - len(".") - 16
PREFIX = "gh-ssh-"


def private_folder(name: str) -> Path:
    """The folder ``name`` (mode 0700) for control sockets; the same for all processes of this user.

    Raises MachineError where it, or the folder around it, is a link, or others can write into it.
    """
    for parent in _parents():
        if len(os.fsencode(parent / name)) <= LONGEST_FOLDER_BYTES:
            # No home, a read-only one, a full disk: connections work without sharing.
            with contextlib.suppress(OSError):
                return own(own(parent, MachineError) / name, MachineError)
    return own(_scratch() / name, MachineError)


def private_folders() -> Iterator[Path]:
    """All folders of this user that `private_folder` made, and those of earlier versions."""
    for parent in _parents():
        yield from (path for path in parent.glob("*") if is_own(path))
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if is_own(path):
            yield from (path, *path.glob("*/"))


def _parents() -> Iterator[Path]:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and is_own(runtime) and not runtime.stat().st_mode & 0o077:
        yield runtime / "guesthouse"
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    yield (state if state.is_absolute() else Path.home() / ".local/state") / "guesthouse"


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
