"""Locks of the engine's file backend whose process died without taking them away.

The engine names host and process in each lock file and never looks whether they still live:
https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from guesthouse import files
from guesthouse.cli.project import Project
from guesthouse.lab.process import parse_start_ticks


def clear_dead(project: Project, stack: str) -> list[int]:
    """Remove the stack's locks of dead processes of this machine; gives those processes."""
    if project.state_is_elsewhere:
        return []  # what lives there cannot be seen from here
    folder = project.state / ".pulumi/locks/organization" / project.name / stack
    dead = []
    for path in sorted(folder.glob("*.json")):
        pid = _dead_holder(path)
        if pid is not None:
            path.unlink(missing_ok=True)
            dead.append(pid)
    return dead


def _dead_holder(path: Path) -> int | None:
    """The process that a lock names, when it was of this machine and is gone."""
    try:
        content = json.loads(files.read_text(path, files.MIB))
        pid, host = int(content["pid"]), content["hostname"]
    except (OSError, files.Unreadable, ValueError, KeyError, TypeError):
        return None  # unreadable, or just taken away: the engine's own message is the better one
    return pid if is_dead_here(host, pid) else None


def is_dead_here(host: str, pid: int) -> bool:
    """Whether a lock names this machine, and a process that it does not have."""
    if host != socket.gethostname() or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # lives, as another user
    return _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and waits to be collected, in many containers for ever.

    A process that cannot be looked at (another user's, where /proc hides those) is none.
    """
    try:
        # It holds the command's name, which may be any bytes.
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return parse_start_ticks(stat) is None
