"""What only root may do for the lab's containers: by sudo where this process is another user's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from guesthouse.errors import LabError
from guesthouse.lab import process
from guesthouse.lab.process import Process
from guesthouse.lab.tools import as_root, environment, failed, missing, run

# A container's root is this machine's, without its power: it sees the files of these users only.
USERS = 65536
# sudo passes three descriptors on and stays with what it starts, so the program is not its child.
LAUNCH = """
exec 3<&0
cd "$1"; shift
setsid "$@" <&3 3<&- >&2 &
echo $!
"""


def refuses() -> str:
    """Why this user cannot be root; empty when it can."""
    if os.geteuid() == 0:
        return ""
    if os.geteuid() >= USERS:
        return f"they need a user id below {USERS}"
    try:
        run(*as_root("true"))
    except LabError as error:
        why = error.problems[0].got or error
        return f"they need root, or sudo that does not ask, as after sudo -v ({why})"
    return ""


def start(
    argv: Sequence[str], folder: Path, log: Path, pidfile: Path, stdin: int = subprocess.DEVNULL
) -> Process:
    """Starts ``argv`` as root in ``folder``, detached from this command's terminal and life.

    Its standard input is the descriptor ``stdin``. LabError where this user cannot be root.
    """
    words = as_root("sh", "-euc", LAUNCH, "sh", folder, *argv)
    with log.open("wb") as file:
        try:
            launched = subprocess.run(
                words, stdin=stdin, stdout=subprocess.PIPE, stderr=file, text=True,
                env=environment(),
            )  # fmt: skip
        except FileNotFoundError:
            raise missing(words[0]) from None
    if launched.returncode:
        raise failed(words, launched.returncode, log.read_text(errors="replace"))
    started = process.of(int(launched.stdout))
    pidfile.write_text(started.text())
    return started
