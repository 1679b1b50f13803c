"""The door to the engine: the `pulumi` process, in the environment of the project folder.

What we start is what a user can type himself: the same program, the same arguments.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from guesthouse.cli import passphrase
from guesthouse.cli.leftovers import end_plugins
from guesthouse.cli.project import Project
from guesthouse.cli.state_files import StateFiles
from guesthouse.cli.turns import STARTS, in_turn, refuse_if_locked
from guesthouse.display import visible, visible_json
from guesthouse.errors import CODES_FILE, Problem, SetupError

# A shell's code for a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130
# Who sends SIGINT and SIGTERM, or both to a group, means one thing by it.
ONE_WISH_S = 2.0


def environment(project: Project, base: Mapping[str, str]) -> dict[str, str]:
    """The engine's environment: decided by the project folder, not by the caller's shell.

    Follows https://www.pulumi.com/docs/iac/cli/environment-variables/. A team that keeps its
    state elsewhere says so in Pulumi.yaml (``backend: {url: ...}``).
    """
    env = dict(base)
    env["PULUMI_HOME"] = str(project.home / "pulumi")
    env["PULUMI_SKIP_UPDATE_CHECK"] = "true"
    if project.state_is_elsewhere:
        env.pop("PULUMI_BACKEND_URL", None)
    else:
        env["PULUMI_BACKEND_URL"] = f"file://{project.state}"
    if project.passphrase.exists():
        env["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(project.passphrase)
        env.pop("PULUMI_CONFIG_PASSPHRASE", None)
    # The Python language host takes the first python3 on PATH: it must be the one we run in.
    first = [str(project.engine), str(Path(sys.prefix) / "bin")]
    rest = [part for part in env.get("PATH", os.defpath).split(os.pathsep) if part not in first]
    env["PATH"] = os.pathsep.join([*first, *rest])
    # Where Python finds our sitecustomize: who is interrupted ends without a traceback.
    paths = [str(Path(__file__).with_name("program")), env.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(path for path in dict.fromkeys(paths) if path)
    return env


def prepare_home(project: Project) -> None:
    """Make the folder of the state and the passphrase, where they are missing.

    Raises SetupError when something is encrypted with the passphrase that is missing.
    """
    for folder in (project.home, project.state):
        folder.mkdir(mode=0o700, exist_ok=True)
    passphrase.make(project)


class Engine:
    """The engine of one project folder."""

    def __init__(self, project: Project) -> None:
        prepare_home(project)
        self.project = project
        self.env = environment(project, os.environ)
        program = shutil.which("pulumi", path=self.env["PATH"])
        if program is None:
            raise SetupError(
                Problem("engine", "there is no 'pulumi' here or on PATH", hint="run: make setup")
            )
        self.program = program

    def run(self, *argv: str) -> int:
        """Run the engine on our terminal; gives our exit code for how it ended.

        That is 130 after Ctrl-C, else the worst that program and providers noted, else 1.

        Raises StackLocked, instead of the engine's own words, when another run holds the lock.
        """
        with tempfile.TemporaryDirectory(prefix="guesthouse-codes-") as folder:
            codes = Path(folder) / "codes"
            # On a terminal the engine asks, and shows its progress: what machines say in there was
            # made visible by the providers. Elsewhere it is a log, which is read by others too.
            to_terminal = sys.stdout.isatty()
            process = subprocess.Popen(
                [self.program, *argv],
                cwd=self.project.root,
                env={**self.env, CODES_FILE: str(codes)},
                stdout=None if to_terminal else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # In our group it would hear a signal to the group twice, and the second drops all.
                process_group=None if _is_on_terminal() else 0,
            )
            as_json = any(word in ("--json", "-j") for word in argv)
            with _signals_for(process) as seen, _relayed(process, as_json) as held:
                code = _wait(process)
                if seen or code < 0:
                    end_plugins(f"{CODES_FILE}={codes}".encode())
            noted = [int(word) for word in codes.read_text().split()] if codes.exists() else []
        said = "".join(held)
        if code and not seen:
            refuse_if_locked(said)
        sys.stderr.write(visible(said, colours=True))
        if seen:
            return INTERRUPTED
        return max(noted, default=1) if code else 0

    def ask(self, *argv: str, text: str = "") -> str:
        """The engine's answer. ``text`` is its standard input, never shown anywhere."""
        result = subprocess.run(
            [self.program, *argv, "--non-interactive"],
            cwd=self.project.root,
            env=self.env,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            refuse_if_locked(result.stderr)
            said = (result.stderr.strip() or result.stdout.strip())[-2000:]
            raise SetupError(
                Problem(f"pulumi {' '.join(argv)}", f"failed with {result.returncode}", got=said)
            )
        return result.stdout

    def knows(self, stack: str) -> bool:
        """Whether the engine has a state of the stack, however it is with others."""
        return self._outputs(stack) is not None

    def _outputs(self, stack: str) -> dict[str, Any] | None:
        """The stack's outputs, None when there is no such stack."""
        # The engine's words for a broken state name no way out.
        in_files = not self.project.state_is_elsewhere
        if in_files and StateFiles(self.project, stack).current() is None:
            return None
        try:
            value = json.loads(self.ask("stack", "output", "-s", stack, "--json"))
        except SetupError as error:
            if f"no stack named '{stack}' found" in str(error):
                return None
            raise
        return value if isinstance(value, dict) else {}

    def ensure_stack(self, stack: str) -> None:
        """Create the stack's empty state when there is none."""
        in_turn(lambda: self._ensure_stack(stack))

    def _ensure_stack(self, stack: str) -> None:
        if self.knows(stack):
            return
        if not self.project.state_is_elsewhere:
            StateFiles(self.project, stack).require_room()
        try:
            self.ask("stack", "init", stack, "--no-select")
        except SetupError:
            # Another run may have made it meanwhile.
            if not self.knows(stack):
                raise

    def remove_stack(self, stack: str) -> None:
        """Remove the stack's state, whatever it tells of."""
        if self.knows(stack):
            in_turn(lambda: self.ask("stack", "rm", "-s", stack, "--force", "--yes"))

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs after its last `up`; empty before the first."""
        return self._outputs(stack) or {}


@contextmanager
def _relayed(process: subprocess.Popen[str], as_json: bool) -> Iterator[list[str]]:
    """What the engine says goes to our own output, line by line; what its standard error ends with
    is held back."""
    held: list[str] = []

    def say(line: str) -> None:
        _show(visible_json(line) if as_json else visible(line, colours=True), sys.stdout)

    def complain(line: str) -> None:
        if held or any(start in line for start in STARTS):
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


def _wait(process: subprocess.Popen[str]) -> int:
    """Its exit code. With a time-out, since Python handles a signal that comes just before a wait
    only when that wait has ended."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(1)


def _is_on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def _signals_for(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """While the engine runs it gets our signals, stops in order, and we wait for it.

    A terminal gives Ctrl-C to both of us; passing it on would be a second one, which makes the
    engine drop everything at once, its lock too. Signals of one moment are one wish.
    """
    seen: list[int] = []
    passed_on: list[float] = []
    on_terminal = _is_on_terminal()

    def handle(number: int, _frame: object) -> None:
        seen.append(number)
        now = time.monotonic()
        if passed_on and now - passed_on[-1] < ONE_WISH_S:
            return
        passed_on.append(now)
        if number != signal.SIGINT or not on_terminal:
            process.send_signal(number)

    old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
