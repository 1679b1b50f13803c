"""Programs that the lab calls and waits for; their failure is a LabError with their last words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from guesthouse.errors import LabError, Problem

TAIL_LINES = 15
SUDO = ("sudo", "-n", "--")


def environment() -> dict[str, str]:
    """This process's, and what Debian keeps for root on PATH too."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


def as_root(*argv: str | Path) -> list[str]:
    """The command that runs ``argv`` as root: by sudo where this process is another user's."""
    return [*(SUDO if os.geteuid() else ()), *map(str, argv)]


def missing(program: str) -> LabError:
    return LabError(Problem(program, "is not installed", hint="run `make setup`"))


def run(*argv: str | Path, stdin: str = "", cwd: Path | None = None) -> str:
    """Runs a program to its end; what it printed."""
    words = [str(word) for word in argv]
    try:
        result = subprocess.run(
            words, input=stdin, capture_output=True, text=True, errors="replace",
            env=environment(), cwd=cwd,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise missing(words[0]) from error
    if result.returncode:
        raise failed(words, result.returncode, result.stderr or result.stdout)
    return result.stdout


def failed(argv: Sequence[str], code: int, said: str) -> LabError:
    """That the command ended badly, which is sudo itself or what it was to run."""
    by_sudo = tuple(argv[: len(SUDO)]) == SUDO
    asks = by_sudo and said.startswith("sudo: ")
    program = argv[len(SUDO)] if by_sudo and not asks else argv[0]
    hint = "let sudo ask for it first: sudo -v" if asks else ""
    what = f"failed with exit code {code}"
    return LabError(Problem(program, what, got=said.strip()[-1000:], hint=hint))


def follow(
    argv: Sequence[str | Path], log: Path, cwd: Path | None = None, **variables: str
) -> Iterator[str]:
    """Runs a program, with more environment ``variables``; its lines as they come, kept in ``log``.

    The program ends when the caller does.
    """
    words = [str(word) for word in argv]
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                text=True, errors="replace", env=environment() | variables, cwd=cwd,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise missing(words[0]) from error
        with process:
            try:
                for line in process.stdout or ():
                    file.write(line)
                    yield line
            except BaseException:
                process.terminate()
                raise
    if process.returncode:
        tail = "\n".join(log.read_text().splitlines()[-TAIL_LINES:])
        what = f"failed with exit code {process.returncode}"
        raise LabError(Problem(words[0], what, got=tail, hint=f"see {log}"))
