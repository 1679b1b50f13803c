"""The way to ask machines: testinfra over the system's ssh client, pinned keys only."""

from __future__ import annotations

from guesthouse.facts.question import Runner
from guesthouse.machine.shell import testinfra_host, testinfra_runner
from guesthouse.machine.ssh import SshDirectory


class Access:
    """All machines of a stack that answer ssh, by name: hosts, and guests through their host."""

    def __init__(self, ssh: SshDirectory) -> None:
        self._ssh = ssh

    def knows(self, name: str) -> bool:
        """False for a guest whose address nobody has told yet."""
        return name in self._ssh.endpoints

    def pinned(self, name: str) -> tuple[str, ...]:
        """The only host keys (``type base64``) that this machine may show."""
        return tuple(self._ssh.endpoints[name].host_keys)

    def runner(self, name: str) -> Runner:
        """Runs shell text on a machine."""
        return testinfra_runner(testinfra_host(self._ssh, name), name)
