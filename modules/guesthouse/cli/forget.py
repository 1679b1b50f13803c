"""Forget a stack whose hosts are gone: its state, its configuration, its ssh connections.

Works on files alone, so that it also works when half of them, or the engine, is missing. Only a
state that Pulumi.yaml keeps elsewhere needs the engine.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from guesthouse.cli.project import Project
from guesthouse.machine.private_folder import private_folders


def forget_stack(project: Project, stack: str, shared: bool = True) -> list[Path]:
    """Remove what backend and project folder know of a stack; gives the files that went.

    Without ``shared`` a state that Pulumi.yaml keeps elsewhere stays: it may be of others.
    """
    if shared and project.state_is_elsewhere:
        from guesthouse.cli.engine import Engine

        Engine(project).remove_stack(stack)
    paths = [*_state(project, stack), project.local_file(stack), project.config_file(stack)]
    gone = [path for path in paths if path.exists()]
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return gone


def _state(project: Project, stack: str) -> Iterator[Path]:
    """The files of one stack in a file backend (project-scoped, version 1 of its layout)."""
    base = project.state / ".pulumi"
    for kind in ("history", "backups"):
        yield base / kind / project.name / stack
    yield project.home / "state-copies" / project.name / stack
    yield base / "locks" / "organization" / project.name / stack
    # lab.json, lab.json.bak, lab.json.attrs ...
    yield from (base / "stacks" / project.name).glob(f"{stack}.json*")


def close_connections(project: Project) -> None:
    """End shared ssh connections to machines of this project's lab, and remove their folders."""
    mark = f'"{project.home}/lab/'
    for folder in private_folders():
        config = folder / "ssh_config"
        if folder.is_symlink() or not config.is_file() or mark not in config.read_text():
            continue
        for socket in (path for path in folder.iterdir() if path.is_socket()):
            command = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "lab"]
            subprocess.run(command, capture_output=True, check=False, timeout=15)
        shutil.rmtree(folder, ignore_errors=True)
