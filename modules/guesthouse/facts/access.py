"""The way to ask machines: testinfra over the system's ssh client, pinned keys only."""

from __future__ import annotations

import math

from guesthouse.facts.question import Runner
from guesthouse.machine.shell import testinfra_host, testinfra_runner
from guesthouse.machine.ssh import CONNECT_TIMEOUT_S, SshDirectory


class Access:
    """All machines of a stack that answer ssh, by name: hosts, and guests through their host.

    A connection that takes longer than ``patience_s`` to begin is given up (never before 1 s).
    """

    def __init__(self, ssh: SshDirectory, patience_s: float | None = None) -> None:
        self._ssh = ssh
        self._connect_timeout_s = CONNECT_TIMEOUT_S
        if patience_s is not None:
            self._connect_timeout_s = max(1, min(math.ceil(patience_s), CONNECT_TIMEOUT_S))

    def knows(self, name: str) -> bool:
        """False for a guest whose address nobody has told yet."""
        return name in self._ssh.endpoints

    def pinned(self, name: str) -> tuple[str, ...]:
        """The only host keys (``type base64``) that this machine may show."""
        return tuple(self._ssh.endpoints[name].host_keys)

    def runner(self, name: str) -> Runner:
        """Runs shell text on a machine."""
        host = testinfra_host(self._ssh, name, connect_timeout_s=self._connect_timeout_s)
        return testinfra_runner(host, name)
