"""How the lab becomes root, for what namespaces, mounts and control groups need."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from guesthouse.lab.tools import run


def as_root(*argv: str | Path) -> list[str]:
    """The command that runs ``argv`` as root: itself for root, by sudo(8) for others."""
    words = [str(word) for word in argv]
    return words if os.geteuid() == 0 else ["sudo", "--non-interactive", "--", *words]


def run_as_root(*argv: str | Path, stdin: str = "") -> str:
    """Runs ``argv`` as root to its end; what it printed. LabError when it fails."""
    return run(*as_root(*argv), stdin=stdin)


@cache
def is_possible() -> bool:
    """Whether this user can become root without being asked for a password."""
    if os.geteuid() == 0:
        return True
    if not shutil.which("sudo"):
        return False
    argv = as_root("true")
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
