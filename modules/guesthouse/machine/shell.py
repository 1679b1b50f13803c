"""Two runners of shell text on a machine: the ssh client directly, and a testinfra host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from testinfra.backend.base import CommandResult
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host

from guesthouse.errors import MachineError, Problem, UnreachableError
from guesthouse.machine import bounded
from guesthouse.machine.ssh import CONNECT_TIMEOUT_S, CONTROL_PERSIST_S, SshDirectory


def ssh_runner(ssh: SshDirectory, name: str, timeout_s: float = 300) -> Callable[[str], str]:
    """A runner over the system's ssh client."""

    def run(command: str) -> str:
        return ssh.run(name, "sh", "-c", command, timeout_s=timeout_s).stdout.decode(
            errors="replace"
        )

    return run


# For the longest question: the digests of all images of a host.
TIMEOUT_S = 1800.0


class _Backend(SshBackend):  # type: ignore[misc]
    """testinfra's ssh, which by itself keeps all that a machine says, and waits for ever."""

    limit_bytes = bounded.LIMIT_BYTES

    def run_local(self, command: str, *args: str) -> CommandResult:
        """Run the ssh client in a shell, as testinfra does."""
        text = self.encode(self.quote(command, *args))
        # The shell becomes the ssh client, so that it is the one that is ended.
        argv, name = ["sh", "-c", f"exec {text.decode()}"], self.host.name
        try:
            done = bounded.run(argv, name, timeout_s=TIMEOUT_S, limit_bytes=self.limit_bytes)
        except subprocess.TimeoutExpired as error:
            what = f"no answer within {TIMEOUT_S:.0f} s"
            raise UnreachableError(Problem(name, what)) from error
        return self.result(done.returncode, text, done.stdout, done.stderr)


def testinfra_host(
    ssh: SshDirectory, name: str, sudo: bool = False, connect_timeout_s: int = CONNECT_TIMEOUT_S
) -> Any:
    """A testinfra host over the system's ssh client, our config and pinned keys only."""
    backend = _Backend(
        name,
        ssh_config=str(ssh.config),
        sudo=sudo,
        # testinfra's own are shorter, and stand before those of our config.
        timeout=connect_timeout_s,
        controlpersist=CONTROL_PERSIST_S,
        ssh_extra_args="-o BatchMode=yes",
    )
    if ssh.endpoints[name].via:
        backend.limit_bytes = bounded.GUEST_LIMIT_BYTES
    return Host(backend)


def testinfra_runner(host: Any, name: str) -> Callable[[str], str]:
    """A runner over a testinfra host; a command that fails raises MachineError."""

    def run(command: str) -> str:
        try:
            result = host.run("sh -c %s", command)
        except RuntimeError as error:
            # testinfra's ssh backend raises its whole result for ssh's own exit code.
            words = getattr(error.args[0] if error.args else None, "stderr", "")
            raise UnreachableError(
                Problem(name, "ssh failed", got=str(words).strip()[-500:])
            ) from error
        if result.rc != 0:
            raise MachineError(
                Problem(name, f"a check's command failed with {result.rc}", result.stderr[-500:])
            )
        return str(result.stdout)

    return run
