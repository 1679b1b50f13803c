"""Host configuration by pyinfra, in a process of its own since it runs on gevent.

The parent calls `configure`; the child is this module run as a program, with the job as JSON on
its standard input and the outcome as JSON on its standard output. File contents travel in the
job, so nothing of them appears in a process list.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from guesthouse.errors import MachineError, Problem
from guesthouse.machine import bounded
from guesthouse.machine.ssh import CONNECT_TIMEOUT_S, Endpoint

# The child's exit code when its host says too much (pyinfra itself ends with 0 or 1).
_SAID_TOO_MUCH = 75
# What pyinfra keeps of a line beside its text, at least.
_LINE_BYTES = 64


@dataclass(frozen=True)
class HostJob:
    """What to make so on a host; everything is a wanted state, so a second run changes nothing.

    ``files`` maps paths to {content, mode, owner, group}; ``services`` maps units to
    {enabled, running}; ``commands`` are shell lines run at the end.
    """

    packages: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    services: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


def configure(endpoint: Endpoint, job: HostJob, timeout_s: float = 1800) -> None:
    """Run a job on a host; raises MachineError with pyinfra's own words when it fails."""
    request = {"endpoint": asdict(endpoint), "job": asdict(job)}
    try:
        result = bounded.run(
            [sys.executable, "-m", "guesthouse.machine.configure"],
            f"host {endpoint.name}",
            input=json.dumps(request).encode(),
            timeout_s=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        what = f"its configuration took more than {timeout_s:.0f} s"
        raise MachineError(Problem(f"host {endpoint.name}", what)) from error
    if result.returncode == _SAID_TOO_MUCH:
        raise bounded.too_much(f"host {endpoint.name}")
    if result.returncode != 0:
        raise MachineError(
            Problem(
                f"host {endpoint.name}",
                "its configuration failed",
                got=_tail(result.stderr.decode(errors="replace")),
                hint="repair what the message names on the host, then run `up` again",
            )
        )


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def _connection(endpoint: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """pyinfra's data of one host. paramiko looks keys up by address and port, not by alias."""
    port = int(endpoint["port"])
    name = endpoint["address"] if port == 22 else f"[{endpoint['address']}]:{port}"
    known_hosts = folder / "known_hosts"
    known_hosts.write_text("".join(f"{name} {key}\n" for key in endpoint["host_keys"]))
    (folder / "ssh_config").write_text("")
    data = {
        "ssh_hostname": endpoint["address"],
        "ssh_port": port,
        "ssh_user": endpoint["user"],
        "ssh_known_hosts_file": str(known_hosts),
        "ssh_config_file": str(folder / "ssh_config"),
        "ssh_strict_host_key_checking": "yes",
        # A busy host may be slow to begin, or turn the first away.
        "ssh_connect_retries": 1,
        "ssh_connect_retry_min_delay": 2,
        "ssh_connect_retry_max_delay": 5,
        "ssh_paramiko_connect_kwargs": {
            "banner_timeout": CONNECT_TIMEOUT_S,
            "auth_timeout": CONNECT_TIMEOUT_S,
        },
    }
    if endpoint["identity_file"]:
        data |= {"ssh_key": endpoint["identity_file"], "ssh_allow_agent": False}
    if endpoint["user"] != "root":
        data["_sudo"] = True
    return data


def _run(request: Mapping[str, Any]) -> None:
    """The child: build the inventory of one host, queue the operations, run them."""
    from gevent import monkey

    monkey.patch_all()
    _bound_what_is_heard()
    from pyinfra.api.config import Config
    from pyinfra.api.connect import connect_all, disconnect_all
    from pyinfra.api.inventory import Inventory
    from pyinfra.api.operations import run_ops
    from pyinfra.api.state import State

    endpoint = request["endpoint"]
    with tempfile.TemporaryDirectory(prefix="gh-pyinfra-") as folder:
        data = _connection(endpoint, Path(folder))
        # pyinfra's own classes are not typed.
        make_inventory: Any = Inventory
        make_config: Any = Config
        inventory = make_inventory(([(endpoint["name"], data)], {}))
        state = State(inventory, make_config(CONNECT_TIMEOUT=CONNECT_TIMEOUT_S))
        connect_all(state)
        try:
            with _own_temporary_folder(state):
                _add_operations(state, request["job"])
                run_ops(state)
        finally:
            disconnect_all(state)


def _bound_what_is_heard() -> None:
    """End this process as soon as its host has said more than a host may.

    At paramiko's sockets, before any login, and at its channels, where lines can be counted.
    pyinfra swallows what its readers raise, so nothing is raised.
    """
    import socket

    import paramiko

    for owner, name in (
        (socket.socket, "recv"),
        (paramiko.Channel, "recv"),
        (paramiko.Channel, "recv_stderr"),
    ):
        setattr(owner, name, _bounded(getattr(owner, name)))


def _bounded(read: Callable[..., bytes]) -> Callable[..., bytes]:
    heard_bytes = 0

    def reading(*args: Any, **more: Any) -> bytes:
        nonlocal heard_bytes
        piece = read(*args, **more)
        heard_bytes += len(piece) + _LINE_BYTES * piece.count(b"\n")
        if heard_bytes > bounded.LIMIT_BYTES:
            os._exit(_SAID_TOO_MUCH)
        return piece

    return reading


@contextmanager
def _own_temporary_folder(state: Any) -> Iterator[None]:
    """pyinfra's uploads go there first: in /tmp itself their names could be guessed."""
    from pyinfra.api.command import StringCommand

    (host,) = state.inventory
    made, said = host.run_shell_command(StringCommand("mktemp -d -t guesthouse.XXXXXXXXXX"))
    folder = said.stdout.strip()
    if not made or not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/guesthouse\.[A-Za-z0-9]{10}", folder):
        raise SystemExit(f"mktemp made no folder on {host.name}: {said.output[-500:]}")
    state.config.TEMP_DIR = folder
    try:
        yield
    finally:
        host.run_shell_command(StringCommand(f"rm -rf {folder}"))


def _add_operations(state: Any, job: Mapping[str, Any]) -> None:
    from io import StringIO

    from pyinfra.api.operation import add_op
    from pyinfra.operations import files, server, systemd

    if job["packages"]:
        add_op(state, server.packages, packages=list(job["packages"]))
    for path, file in job["files"].items():
        add_op(
            state,
            files.put,
            src=StringIO(file["content"]),
            dest=path,
            mode=file["mode"],
            user=file["owner"],
            group=file["group"],
            create_remote_dir=True,
        )
    for path in job["absent"]:
        add_op(state, files.file, path=path, present=False)
    for unit, wanted in job["services"].items():
        add_op(
            state,
            systemd.service,
            service=unit,
            running=wanted["running"],
            enabled=wanted["enabled"],
        )
    if job["commands"]:
        add_op(state, server.shell, commands=list(job["commands"]))


if __name__ == "__main__":
    _run(json.load(sys.stdin))
