"""All ways to one host in one object, and a pool of such objects."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import libvirt

from guesthouse.errors import MachineError, Problem, UnreachableError
from guesthouse.machine import bounded
from guesthouse.machine.libvirt_handle import LibvirtHandles, ssh_uri
from guesthouse.machine.shell import ssh_runner
from guesthouse.machine.ssh import SSH_FAILED, Endpoint, SshDirectory

# Root's own; /run is too, so nobody else can have put something there.
LOCKS = "/run/guesthouse"
# What the lock's shell ends with when LOCKS is not what it is to be.
NOT_OURS = 3
# What the holder of a lock says first.
HELD = b"held\n"


def _own_folder(path: str) -> str:
    """Shell text that makes a folder for its user alone, or ends: no link, nobody else's."""
    mine = f"[ ! -L {path} ] && [ -d {path} ] && [ -O {path} ]"
    return f"mkdir -m 700 {path} 2>/dev/null; {mine} && chmod 700 {path} || exit {NOT_OURS}; "


def endpoint(connection: Mapping[str, Any]) -> Endpoint:
    """The Endpoint of a resource's ``connection`` input."""
    return Endpoint(
        name=str(connection["name"]),
        address=str(connection["address"]),
        port=int(connection["port"]),
        user=str(connection["user"]),
        identity_file=str(connection["identity_file"]),
        host_keys=tuple(connection["host_keys"]),
    )


class HostConnection:
    """One host: its libvirt handle, its shell, its locks. Safe to share between threads."""

    def __init__(self, connection: Mapping[str, Any], handles: LibvirtHandles) -> None:
        self._connection = connection
        self.name = str(connection["name"])
        self._test_uri = str(connection.get("libvirt_uri") or "")
        self._handles = handles
        self._ssh: SshDirectory | None = None
        # Goes up with every change of this process on the host.
        self.generation = 0
        # Held while a guest boots.
        self.boots = threading.Semaphore(int(connection["boots_at_once"]))

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where its sshd is; a host of libvirt's test driver has none."""
        return endpoint(self._connection)

    @property
    def is_test(self) -> bool:
        """A host of libvirt's test driver: no ssh, no files, no guests that answer."""
        return bool(self._test_uri)

    @property
    def ssh(self) -> SshDirectory:
        """The ssh files of this host, written at first use."""
        if self._ssh is None:
            self._ssh = SshDirectory([self.endpoint])
        return self._ssh

    @property
    def libvirt(self) -> libvirt.virConnect:
        """The open libvirt connection."""
        return self._handles.get(self._test_uri or ssh_uri(self.ssh, self.name), self.name)

    @property
    def run(self) -> Callable[[str], str]:
        """A runner of shell text, as the login user."""
        return ssh_runner(self.ssh, self.name)

    def root(self, command: str, input: bytes | None = None, timeout_s: float = 300) -> str:
        """Run shell text as root (by sudo when the login user is another)."""
        sudo = () if self.endpoint.user == "root" else ("sudo", "-n")
        result = self.ssh.run(
            self.name, *sudo, "sh", "-c", command, input=input, timeout_s=timeout_s
        )
        return result.stdout.decode(errors="replace")

    @contextmanager
    def lock(self, name: str, at_end: str = "") -> Iterator[None]:
        """Hold a lock on the host (flock(1)); it falls when this process or the link dies.

        ``at_end`` is shell text that runs as root, still under the lock and in its session, when
        the block has come to its end without an error.
        """
        self.generation += 1
        if self.is_test:
            yield
            return
        path = shlex.quote(f"{LOCKS}/{name}.lock")
        sudo = () if self.endpoint.user == "root" else ("sudo", "-n")
        # The file goes with its holder; whoever got hold of a removed one has no lock.
        script = _own_folder(shlex.quote(LOCKS)) + (
            f"exec 9>{path}; flock --nonblock 9 && [ {path} -ef /proc/self/fd/9 ] || exit 1; "
            f"echo held; code=0; if read -r word; then ( {at_end or 'true'} ) >/dev/null "
            f"|| code=1; fi; rm -f {path}; exit $code"
        )
        process, said = self._holder(*sudo, "sh", "-c", script)
        if process.returncode == SSH_FAILED:
            # The shared connection ended just then (see SshDirectory.run): nothing has run.
            process, said = self._holder(*sudo, "sh", "-c", script)
        if process.returncode is not None:
            raise self._not_held(name, process.returncode, said)
        word = b""
        try:
            yield
            word = b"done\n"
        finally:
            self.generation += 1
            done = bounded.finish(process, f"host {self.name}", input=word, timeout_s=300)
        if at_end and process.returncode:
            got = done.stdout.decode(errors="replace").strip()[-500:]
            raise MachineError(Problem(f"host {self.name}", f"`{at_end[:200]}` failed", got=got))

    def _holder(self, *argv: str) -> tuple[subprocess.Popen[bytes], bytes]:
        """The process that holds a lock; if it did not get it, it has ended, and said why."""
        process = subprocess.Popen(
            self.ssh.command(self.name, *argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # In one pipe: of two, the one that is not read may be filled.
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = bytearray()
        while (line := process.stdout.readline(4096)) not in (HELD, b""):
            said += line
            if len(said) > bounded.LIMIT_BYTES:
                process.kill()
                raise bounded.too_much(f"host {self.name}")
        if not line:
            process.wait(timeout=30)
        return process, bytes(said)

    def _not_held(self, name: str, code: int, said: bytes) -> MachineError:
        where, got = f"host {self.name}", said.decode(errors="replace").strip()[-300:]
        if code == SSH_FAILED:
            return UnreachableError(Problem(where, "ssh failed", got=got))
        if code == NOT_OURS:
            hint = "look who made it, remove it, then run `up` again"
            return MachineError(Problem(where, f"{LOCKS} is not a folder of root's own", hint=hint))
        hint = "wait until the other run has ended, then run `up` again"
        return MachineError(Problem(where, f"'{name}' is being changed by another run", hint=hint))


class Connections:
    """Hosts by connection input: the same input gives the same object."""

    def __init__(self) -> None:
        self._handles = LibvirtHandles()
        self._hosts: dict[str, HostConnection] = {}
        self._guard = threading.Lock()

    def get(self, connection: Mapping[str, Any]) -> HostConnection:
        """The shared object of one host."""
        key = repr(sorted(connection.items()))
        with self._guard:
            if key not in self._hosts:
                self._hosts[key] = HostConnection(connection, self._handles)
            return self._hosts[key]

    def close(self) -> None:
        """Close what is open."""
        self._handles.close()
