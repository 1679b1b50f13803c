"""Processes that an engine left. One that is interrupted while it starts a plugin does not know it
yet, and a plugin has a process group of its own; it looks only every few minutes for its engine.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_TERM_S = 2.0
# ssh's masters (ControlPersist of ssh_config(5)) stay, they end by themselves.
_PLUGIN = b"/pulumi-"


def end_plugins(mark: bytes) -> None:
    """End the plugins that have ``mark`` (``NAME=value``) in their environment: proc(5)."""
    for number, seconds in ((signal.SIGTERM, _TERM_S), (signal.SIGKILL, _TERM_S)):
        end = time.monotonic() + seconds
        for pid in plugins(mark):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        while plugins(mark):
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        else:
            return


def plugins(mark: bytes) -> list[int]:
    """The plugins with that mark, of all that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        # Others' processes cannot be looked at, and any may end meanwhile.
        with suppress(OSError):
            marked = mark in (folder / "environ").read_bytes().split(b"\0")
            if marked and _PLUGIN in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found
