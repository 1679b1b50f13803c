"""What the engine says goes to our own output, line by line, shown and never obeyed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TextIO

from guesthouse.cli.turns import STARTS
from guesthouse.cli.unreadable import START as UNREADABLE
from guesthouse.display import visible, visible_json

# For an end that something keeps which the engine started. Who reads us slowly is waited for.
LAST_WORDS_S = 5.0


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

    relays = [
        _Relay(stream, tell)
        for stream, tell in ((process.stdout, say), (process.stderr, complain))
        if stream is not None
    ]
    for relay in relays:
        relay.start()
    yield held
    for relay in relays:
        relay.wait()


class _Relay(threading.Thread):
    def __init__(self, stream: IO[str], tell: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._stream, self._tell = stream, tell
        self._telling = False

    def run(self) -> None:
        with self._stream:
            for line in self._stream:
                self._telling = True
                self._tell(line)
                self._telling = False

    def wait(self) -> None:
        """Until all is told, or nothing more came for a while."""
        end = time.monotonic() + LAST_WORDS_S
        while self.is_alive() and time.monotonic() < end:
            self.join(0.05)
            if self._telling:
                end = time.monotonic() + LAST_WORDS_S


def _show(text: str, stream: TextIO) -> None:
    # Who reads us may have gone; the engine ends its work all the same.
    with suppress(BrokenPipeError):
        stream.write(text)
        stream.flush()
