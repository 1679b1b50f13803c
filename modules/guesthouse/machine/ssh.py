"""How machines are reached over ssh: the system's client, our own config, pinned host keys.

One folder holds ``ssh_config``, ``known_hosts`` and a wrapper script for programs that take a
command instead of options (libvirt's ssh transport). Nothing of the user's own ssh set-up is
read or changed. Follows ssh_config(5).
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from guesthouse import ssh_config
from guesthouse.errors import MachineError, Problem, SetupError, UnreachableError
from guesthouse.machine import bounded
from guesthouse.machine.private_folder import private_folder
from guesthouse.own_folder import own

# ssh(1) reserves 255 for its own failures: no connection, no login, wrong host key.
SSH_FAILED = 255
# An emulated host under load needs its time.
CONNECT_TIMEOUT_S = 30
CONTROL_PERSIST_S = 120
# Before a second try.
PAUSE_S = 1.0
# What the client says of a server that was too busy to begin: nothing has run there.
NOT_BEGUN = (b"kex_exchange_identification", b"banner exchange")


def _has_not_begun(said: bytes) -> bool:
    """Has nothing run on the machine? A shared connection that ended for want of work just then
    says nothing at all."""
    return not said.strip() or any(words in said for words in NOT_BEGUN)


@dataclass(frozen=True)
class Endpoint:
    """A machine that answers ssh: ``name`` is its alias in our ssh_config.

    ``host_keys`` are public keys (``type base64``), the only ones that are accepted.
    ``via`` names another endpoint to jump through. A value that ssh_config(5) has no place for
    raises SiteError.
    """

    name: str
    address: str
    port: int = 22
    user: str = "root"
    identity_file: str = ""
    host_keys: tuple[str, ...] = ()
    via: str = ""

    def __post_init__(self) -> None:
        # Written once and thrown away: there is no second list of what is allowed.
        _block(self)
        known_hosts_text([self])


def known_hosts_text(endpoints: Iterable[Endpoint]) -> str:
    """known_hosts lines, keyed by alias (HostKeyAlias), so ports and reused addresses don't mix."""
    check = ssh_config.value
    lines = [
        f"{check(e.name, 'Host')} {check(key, 'host key')}"
        for e in endpoints
        for key in e.host_keys
    ]
    return "".join(f"{line}\n" for line in lines)


def _block(e: Endpoint) -> str:
    check = ssh_config.value
    lines = [
        f"Host {check(e.name, 'Host')}",
        f"  HostName {check(e.address, 'HostName')}",
        f"  Port {check(e.port, 'Port')}",
        f"  User {check(e.user, 'User')}",
        f"  HostKeyAlias {check(e.name, 'HostKeyAlias')}",
    ]
    if e.identity_file:
        lines += [f"  IdentityFile {ssh_config.path(e.identity_file)}", "  IdentitiesOnly yes"]
    if e.via:
        lines.append(f"  ProxyJump {check(e.via, 'ProxyJump')}")
    return "\n".join(lines)


def ssh_config_text(
    endpoints: Iterable[Endpoint],
    known_hosts: str,
    control_dir: str = "",
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
) -> str:
    """ssh_config for all endpoints; ``control_dir`` switches connection sharing on."""
    common = [
        "Host *",
        f"  UserKnownHostsFile {ssh_config.path(known_hosts, 'UserKnownHostsFile')}",
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  UpdateHostKeys no",
        "  PasswordAuthentication no",
        "  KbdInteractiveAuthentication no",
        "  BatchMode yes",
        f"  ConnectTimeout {connect_timeout_s}",
        "  ServerAliveInterval 15",
        "  ServerAliveCountMax 4",
        "  LogLevel ERROR",
    ]
    if control_dir:
        common += [
            "  ControlMaster auto",
            f"  ControlPath {ssh_config.path(control_dir, 'ControlPath', '/%C')}",
            f"  ControlPersist {CONTROL_PERSIST_S}",
        ]
    return "\n\n".join([*(_block(e) for e in endpoints), "\n".join(common)]) + "\n"


class SshDirectory:
    """Owns a private folder with the ssh files of a set of machines.

    The folder's name follows the content, so parallel users of the same machines share
    connections, and other content never disturbs them.
    """

    def __init__(self, endpoints: Sequence[Endpoint], folder: Path | None = None) -> None:
        self.endpoints: Mapping[str, Endpoint] = {e.name: e for e in endpoints}
        digest = hashlib.sha256(repr(sorted(endpoints, key=lambda e: e.name)).encode()).hexdigest()
        self.folder = own(folder, MachineError) if folder else private_folder(digest[:12])
        self.config = self.folder / "ssh_config"
        self.wrapper = self.folder / "ssh"
        self._write(list(endpoints))

    def _write(self, endpoints: Sequence[Endpoint]) -> None:
        known_hosts = self.folder / "known_hosts"
        self._replace(known_hosts, known_hosts_text(endpoints), 0o600)
        text = ssh_config_text(endpoints, str(known_hosts), str(self.folder))
        self._replace(self.config, text, 0o600)
        # Not over the shared connection: a libvirt connection lives longer than that may.
        options = f"-F {shlex.quote(str(self.config))} -o ControlMaster=no -o ControlPath=none"
        script = f'#!/bin/sh\nexec ssh {options} "$@"\n'
        self._replace(self.wrapper, script, 0o700)

    def _replace(self, path: Path, text: str, mode: int) -> None:
        """Write atomically: several processes may prepare the same folder at once."""
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f".{path.name}.")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)

    def command(self, name: str, *argv: str) -> list[str]:
        """The argument list that runs ``argv`` (quoted) on the machine ``name``.

        Raises SetupError when there is no ssh client.
        """
        if shutil.which("ssh") is None:
            raise SetupError(
                Problem("ssh", "there is no 'ssh' on PATH", hint="install openssh-client")
            )
        remote = [shlex.join(argv)] if argv else []
        return ["ssh", "-F", str(self.config), "--", name, *remote]

    def run(
        self,
        name: str,
        *argv: str,
        input: bytes | None = None,
        timeout_s: float = 300,
        expected: Iterable[int] = (0,),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command on a machine; an exit code outside ``expected`` raises MachineError, and so
        does an output of more than `bounded.LIMIT_BYTES`."""
        try:
            end = time.monotonic() + timeout_s
            result = self._once(name, argv, input, timeout_s)
            if result.returncode == SSH_FAILED and _has_not_begun(result.stderr):
                time.sleep(PAUSE_S)
                result = self._once(name, argv, input, max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            what = f"no answer within {timeout_s:.0f} s to `{shlex.join(argv)[:200]}`"
            raise UnreachableError(Problem(f"host {name}", what)) from error
        if result.returncode == SSH_FAILED and SSH_FAILED not in tuple(expected):
            raise self._unreachable(name, result.stderr)
        if result.returncode not in tuple(expected):
            raise MachineError(
                Problem(
                    f"host {name}",
                    f"`{shlex.join(argv)[:200]}` failed with exit code {result.returncode}",
                    got=result.stderr.decode(errors="replace").strip()[-2000:],
                )
            )
        return result

    def _once(
        self, name: str, argv: Sequence[str], input: bytes | None, timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        command = self.command(name, *argv)
        return bounded.run(command, f"host {name}", input=input or b"", timeout_s=timeout_s)

    def _unreachable(self, name: str, stderr: bytes) -> UnreachableError:
        endpoint = self.endpoints.get(name)
        where = f"{endpoint.user}@{endpoint.address}:{endpoint.port}" if endpoint else name
        text = stderr.decode(errors="replace").strip()
        hint = "check that the machine is up and that its address, port, user and key are right"
        if "Host key verification failed" in text:
            hint = "its host key is not the pinned one: compare `host_keys` in the site file"
        return UnreachableError(
            Problem(f"host {name}", f"ssh to {where} failed", got=text[-500:], hint=hint)
        )
