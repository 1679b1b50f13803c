"""Runs in a mount namespace of its own: copies and restores a state on small disks that are full.

`unshare -m python full_disk.py FOLDER` mounts tmpfs there and prints one line for each point:
what happened, and whether the state can be recovered.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from state_case import state_files, state_text, write_engine_files

from guesthouse.cli.checkpoint import Broken
from guesthouse.cli.state_files import StateFiles
from guesthouse.errors import SetupError

SIZES_KIB = (60, 72, 84, 96, 108, 120)
FREE_KIB = (0, 4, 8, 12, 16, 20, 24)


def fill(filler: Path, free_kib: int) -> Path:
    """Leave so much free space, at most."""
    folder = filler.parent
    disk = os.statvfs(folder)
    with filler.open("wb") as file:
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - free_kib * 1024)))
    return filler


def torn_write(path: Path, data: bytes) -> None:
    """As the engine: as much as there is room for."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(descriptor, data)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def point(root: Path, free_kib: int) -> str:
    """One run on a disk that runs full, then a way back on the full disk, then with room."""
    files = state_files(root)
    write_engine_files(files, state_text(1))
    files.keep()
    fill(root / "filler", free_kib)
    torn_write(files.file, state_text(2, 60))
    try:
        files.keep()
        kept = "kept"
    except (OSError, SetupError, Broken):
        kept = "not kept"
    # Now the worst: everything of the engine's is cut off.
    write_engine_files(files, b"")
    filler = fill(root / "more", free_kib)
    restored = restore(files)
    if restored == "full":
        filler.unlink()
        restored = restore(files) + " with room"
    state = files.current()
    return f"{kept}, {restored}, {state.resources if state else 0} resources"


def restore(files: StateFiles) -> str:
    best = files.best()
    if best is None:
        return "unrecoverable"
    try:
        files.restore(best, files.aside())
    except OSError:
        return "full"
    return "restored"


def main(root: Path) -> None:
    for size in SIZES_KIB:
        for free in FREE_KIB:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(root)], check=True
            )
            try:
                print(size, free, point(root, free), sep=": ")
            finally:
                subprocess.run(["umount", str(root)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
