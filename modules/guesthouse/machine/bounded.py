"""Programs that talk to machines, with a bound on what they may say.

What a machine says is its own choice: gigabytes within seconds, if it likes. So it is read in
pieces, and whoever says more than the bound is ended (select(2)).
"""

from __future__ import annotations

import os
import select
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from guesthouse.errors import MachineError, Problem

MIB = 1024**2
# Some hundred guests of a host in one answer have a few MiB of XML.
LIMIT_BYTES = 16 * MIB
# A guest answers for itself alone.
GUEST_LIMIT_BYTES = 2 * MIB
_PIECE_BYTES = 64 * 1024

Completed = subprocess.CompletedProcess[bytes]


def too_much(where: str, limit_bytes: int = LIMIT_BYTES) -> MachineError:
    """What is said of a machine that says more than ``limit_bytes``."""
    hint = "look at the machine: nothing of that answer is used"
    return MachineError(Problem(where, f"said more than {limit_bytes / MIB:g} MiB", hint=hint))


def run(
    argv: Sequence[str],
    where: str,
    *,
    input: bytes = b"",
    stdin: IO[bytes] | None = None,
    timeout_s: float | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Completed:
    """Run a program to its end. ``stdin`` is an open file to read instead of ``input``.

    Raises MachineError of ``where`` when both outputs together are larger than ``limit_bytes``,
    subprocess.TimeoutExpired after ``timeout_s``; the program is ended then.
    """
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        return finish(process, where, input=input, timeout_s=timeout_s, limit_bytes=limit_bytes)


def finish(
    process: subprocess.Popen[bytes],
    where: str,
    *,
    input: bytes = b"",
    timeout_s: float | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Completed:
    """Give a running program ``input`` and read it to its end, as `run` does."""
    try:
        told = _talk(process, where, input, timeout_s, limit_bytes)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, *told)


def _talk(
    process: subprocess.Popen[bytes],
    where: str,
    input: bytes,
    timeout_s: float | None,
    limit_bytes: int,
) -> tuple[bytes, bytes]:
    """Standard output and error, read side by side while the input is written."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    heard = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream}
    rest = memoryview(input)
    with selectors.DefaultSelector() as selector:
        for stream in heard:
            selector.register(stream, selectors.EVENT_READ)
        if process.stdin is not None:
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            left = None if end is None else end - time.monotonic()
            if timeout_s is not None and left is not None and left <= 0:
                raise subprocess.TimeoutExpired(process.args, timeout_s)
            for key, _ in selector.select(left):
                if key.fileobj is process.stdin:
                    rest = _written(process.stdin, rest)
                    over = not rest
                else:
                    piece = os.read(key.fd, _PIECE_BYTES)
                    heard[key.fileobj] += piece  # type: ignore[index]
                    over = not piece
                if over:
                    selector.unregister(key.fileobj)
                    _close(key.fileobj)  # type: ignore[arg-type]
            if sum(map(len, heard.values())) > limit_bytes:
                raise too_much(where, limit_bytes)
    process.wait(None if end is None else max(end - time.monotonic(), 0.0))
    stdout, stderr = (bytes(heard[s]) if s else b"" for s in (process.stdout, process.stderr))
    return stdout, stderr


def _written(stream: IO[bytes], rest: memoryview) -> memoryview:
    """What is left after one write, which does not block; a program that reads no more gets none.

    A pipe that is ready takes PIPE_BUF bytes: pipe(7).
    """
    try:
        return rest[os.write(stream.fileno(), rest[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return rest[:0]


def _close(stream: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        stream.close()
