"""Shell text that runs on a machine for as long as we hold it, and not longer."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
import time
from contextlib import suppress
from types import TracebackType

from guesthouse.errors import MachineError, Problem, UnreachableError
from guesthouse.machine import bounded
from guesthouse.machine.ssh import SSH_FAILED, SshDirectory

# A few lines are expected.
LIMIT_CHARACTERS = bounded.MIB


class Session:
    """A running shell text, which must end when its standard input does.

    Its input closes when we end it, and when we die, however: so nothing stays on the machine. It
    has a process group of its own here: Ctrl-C reaches us first, and we end it in order.
    """

    def __init__(self, ssh: SshDirectory, name: str, script: str) -> None:
        self._name = name
        self._process = subprocess.Popen(
            ssh.command(name, "sh", "-c", script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        # None is the end of what it says.
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._heard: list[str] = []
        self._said_too_much = False
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        left = LIMIT_CHARACTERS
        while left > 0 and (line := self._process.stdout.readline(left)):
            left -= len(line)
            self._lines.put(line)
        if left <= 0:
            self._said_too_much = True
            self._process.kill()
        self._lines.put(None)

    def wait_for(self, pattern: str, timeout_s: float) -> str:
        """The first line that has the regular expression in it; raises MachineError without."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                line = self._lines.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                what = f"did not say '{pattern}' within {timeout_s:.0f} s"
                raise UnreachableError(Problem(self._name, what, got=self._words())) from None
            if line is None:
                # For who waits, or ends it, after this.
                self._lines.put(None)
                raise self._ended(self._process.wait())
            self._heard.append(line)
            if re.search(pattern, line):
                return line

    def end(self, timeout_s: float = 15) -> str:
        """End it, and give all that it said, up to a bound; an ssh client that does not end is
        ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # A shared connection that began here may hold the pipe open: not waited for.
        with suppress(queue.Empty):
            while (line := self._lines.get(timeout=5)) is not None:
                self._heard.append(line)
        self._lines.put(None)
        return "".join(self._heard)

    def _ended(self, code: int) -> MachineError:
        if self._said_too_much:
            return bounded.too_much(self._name, LIMIT_CHARACTERS)
        if code == SSH_FAILED:
            return UnreachableError(Problem(self._name, "ssh failed", got=self._words()))
        return MachineError(Problem(self._name, f"ended with exit code {code}", got=self._words()))

    def _words(self) -> str:
        return "".join(self._heard).strip()[-500:]
