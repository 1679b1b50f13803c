"""A host that says gigabytes while pyinfra configures it; paramiko's own server plays the host."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from guesthouse.errors import MachineError
from guesthouse.machine import configure
from guesthouse.machine.configure import HostJob
from guesthouse.machine.ssh import Endpoint

FLOOD_MIB = 400
# The child as it is, which tells its memory at its end, however it ends.
CHILD = """
import atexit, json, os, sys
from pathlib import Path
from guesthouse.machine import configure

def tell():
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(f"peak {int(peak) // 1024}", file=sys.stderr, flush=True)

end = os._exit
os._exit = lambda code: (tell(), end(code))
atexit.register(tell)
configure._run(json.load(sys.stdin))
"""
# What a host says again and again: the stream, and a piece of it.
FLOODS = {
    "one line": ("send", b"x" * 32768),
    "short lines": ("send", b"\n" * 32768),
    "errors": ("send_stderr", b"x" * 32768),
}


class Host(paramiko.ServerInterface):
    """Lets everybody in; each command is answered by ``pieces`` pieces."""

    def __init__(self, way: str, piece: bytes, pieces: int) -> None:
        self.way, self.piece, self.pieces = way, piece, pieces

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._answer, args=(channel, command), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        # Once the client has answered this, it has the answer to its own request.
        channel.get_transport().global_request("settled@test", wait=True)
        with suppress(OSError, EOFError):
            for _ in range(self.pieces):
                rest = self.piece
                while rest:
                    rest = rest[getattr(channel, self.way)(rest) :]
            if b"mktemp" in command and not self.pieces:
                channel.sendall(b"/tmp/guesthouse.aaaaaaaaaa\n")
            channel.send_exit_status(0)
        channel.close()


@contextmanager
def listening(tmp_path: Path, host: Host) -> Iterator[Endpoint]:
    secret = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    identity = tmp_path / "identity"
    identity.write_bytes(secret)
    identity.chmod(0o600)
    key = paramiko.Ed25519Key.from_private_key_file(str(identity))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    transport = paramiko.Transport(server.accept()[0])
                    transport.add_server_key(key)
                    with suppress(paramiko.SSHException, EOFError):
                        transport.start_server(server=host)

        threading.Thread(target=serve, daemon=True).start()
        public = f"{key.get_name()} {key.get_base64()}"
        port = server.getsockname()[1]
        yield Endpoint("h1", "127.0.0.1", port, "root", str(identity), (public,))


def configured(endpoint: Endpoint) -> tuple[int, int, str]:
    """The child's exit code, its memory at most in MiB, and all it said."""
    request = {"endpoint": asdict(endpoint), "job": asdict(HostJob(commands=("true",)))}
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.returncode, int(done.stderr.rpartition("peak ")[2].split()[0]), done.stderr


@pytest.mark.parametrize("flood", FLOODS)
def test_a_host_that_says_too_much_is_ended(flood: str, tmp_path: Path) -> None:
    way, piece = FLOODS[flood]
    with listening(tmp_path, Host(way, piece, FLOOD_MIB * 32)) as endpoint:
        code, peak_mib, said = configured(endpoint)
        assert (code, peak_mib < 300) == (75, True), (peak_mib, said[-2000:])


def test_it_is_said_of_the_host(tmp_path: Path) -> None:
    host = Host("send", b"x" * 32768, FLOOD_MIB * 32)
    with listening(tmp_path, host) as endpoint, pytest.raises(MachineError) as caught:
        configure.configure(endpoint, HostJob(commands=("true",)))
    assert str(caught.value) == (
        "host h1: said more than 16 MiB\n"
        "  hint: look at the machine: nothing of that answer is used"
    )


def test_a_host_that_says_little_is_configured(tmp_path: Path) -> None:
    with listening(tmp_path, Host("send", b"", 0)) as endpoint:
        code, _, said = configured(endpoint)
    assert code == 0, said
