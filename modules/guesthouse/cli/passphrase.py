"""The file whose content encrypts the secrets of this folder's stacks: made once, never anew while
something is encrypted with the one that was there (scripts/setup.sh does the same)."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from guesthouse import files
from guesthouse.cli.checkpoint import MAX_BYTES
from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SetupError

_IN_CONFIG = re.compile(r"(?m)^encryptionsalt:")
_IN_STATE = re.compile(r'"type": *"passphrase"')
_HINT = (
    "write it there again from your copy; if there is none, the secrets are lost: move these files "
    "away, then run: make setup"
)


def make(project: Project) -> None:
    """Make the file where it is missing; SetupError when something is encrypted with it."""
    if project.passphrase.exists():
        return
    if found := encrypted(project):
        got = ", ".join(project.shown(file) for file in found)
        what = "is missing, and files are encrypted with it"
        raise SetupError(Problem(project.shown(project.passphrase), what, got=got, hint=_HINT))
    try:
        handle = os.open(project.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")


def encrypted(project: Project) -> list[Path]:
    """Configurations and states of stacks whose secrets a passphrase encrypts."""
    configs = sorted(project.stacks.glob("Pulumi.?*.yaml"))
    states = sorted((project.state / ".pulumi/stacks").rglob("*.json"))
    return [file for file in configs if _IN_CONFIG.search(_text(file))] + [
        file for file in states if _IN_STATE.search(_text(file))
    ]


def _text(file: Path) -> str:
    try:
        return files.read_bytes(file, MAX_BYTES).decode(errors="replace")
    except FileNotFoundError:  # a link to nothing, or just taken away
        return ""
    except files.Unreadable as error:
        raise SetupError(Problem(str(file), str(error))) from None
