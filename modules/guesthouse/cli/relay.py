"""What the engine says goes to our own output, line by line, shown and never obeyed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from guesthouse.cli.turns import STARTS
from guesthouse.cli.unreadable import START as UNREADABLE
from guesthouse.display import visible, visible_json


@contextmanager
def relayed(process: subprocess.Popen[str], as_json: bool) -> Iterator[list[str]]:
    """What the engine says goes to our own output, line by line; what its standard error ends with
    is held back."""
    held: list[str] = []

    def say(line: str) -> None:
        _show(visible_json(line) if as_json else visible(line, colours=True), sys.stdout)

    def complain(line: str) -> None:
        if held or any(start in line for start in (*STARTS, UNREADABLE)):
            held.append(line)
        else:
            _show(visible(line, colours=True), sys.stderr)

    def relay(stream: TextIO, tell: Callable[[str], None]) -> None:
        with stream:
            for line in stream:
                tell(line)

    threads = [
        threading.Thread(target=relay, args=(stream, tell), daemon=True)
        for stream, tell in ((process.stdout, say), (process.stderr, complain))
        if stream is not None
    ]
    for thread in threads:
        thread.start()
    yield held
    # Not for ever: something that the engine started may have kept an end.
    for thread in threads:
        thread.join(5)


def _show(text: str, stream: TextIO) -> None:
    # Who reads us may have gone; the engine ends its work all the same.
    with suppress(BrokenPipeError):
        stream.write(text)
        stream.flush()
