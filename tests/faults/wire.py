"""A listener between a provider and its libvirtd that counts calls, and stops the world at one.

Every call is one packet (https://libvirt.org/kbase/internals/rpc.html): its length, then program,
version, procedure, type, serial and status, each a big-endian 32-bit number. What a provider is
written in does not matter, so ours and others meet the same fault at the same place.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct(">7I")
_REMOTE, _CALL, _REPLY = 0x20008086, 0, 1
# Procedures of a connection's beginning and end: open, close, features, authentication, keepalive.
_HANDSHAKE = frozenset({1, 2, 60, 66, 105, 149, 383})
# What changes something, by its number in libvirt's remote protocol.
CHANGING = {
    8: "attach", 9: "create", 10: "create XML", 11: "define", 12: "destroy", 13: "detach",
    26: "pin", 28: "resume", 29: "autostart", 31: "memory", 32: "vcpus", 33: "shutdown",
    34: "suspend", 35: "undefine", 83: "pool refresh", 93: "volume create", 94: "volume delete",
    125: "volume copy", 160: "attach", 161: "detach", 174: "update device", 196: "create",
    199: "vcpus", 204: "memory", 208: "volume upload", 219: "scheduler", 225: "pin",
    231: "undefine", 234: "destroy", 251: "block resize", 252: "block tune", 258: "shutdown",
    260: "volume resize", 264: "metadata", 308: "statistics", 350: "define", 390: "lifecycle",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call on the wire: its number in the run, and its procedure."""

    number: int
    procedure: int

    @property
    def changes(self) -> bool:
        """Does it change anything?"""
        return self.procedure in CHANGING

    def __str__(self) -> str:
        return f"{self.number} {CHANGING.get(self.procedure, f'read {self.procedure}')}"


@dataclass
class Wire:
    """Listens on ``path`` for clients of the libvirtd behind ``server``.

    At call ``stop_at`` (0: never) ``stop`` is run, ``before`` it reaches the server or after the
    server has answered and before the client knows; then the connection ends.
    """

    path: Path
    server: str
    calls: list[Call] = field(default_factory=list)
    stop_at: int = 0
    before: bool = True
    stop: Callable[[], None] = lambda: None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Listen until the process ends."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def reset(
        self, stop_at: int = 0, before: bool = True, stop: Callable[[], None] = lambda: None
    ) -> None:
        """Count from nought; stop the world at a call."""
        self.calls, self.stop_at, self.before, self.stop = [], stop_at, before, stop

    def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            pair = _Pair(self, client, server)
            for work in (pair.forth, pair.back):
                threading.Thread(target=work, daemon=True).start()

    def seen(self, procedure: int) -> bool:
        """Count a call; is it the one to stop at?"""
        with self._guard:
            self.calls.append(Call(len(self.calls) + 1, procedure))
            return len(self.calls) == self.stop_at


class _Pair:
    """One client and its own connection to the server."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire, self._client, self._server = wire, client, server
        self._awaited: int | None = None

    def forth(self) -> None:
        """Client to server."""
        while (packet := _packet(self._client)) is not None:
            _, program, _, procedure, kind, serial, _ = _HEADER.unpack_from(packet)
            counted = program == _REMOTE and kind == _CALL and procedure not in _HANDSHAKE
            if counted and self._wire.seen(procedure):
                if self._wire.before:
                    self._end()
                    return
                self._awaited = serial
            if not _sent(self._server, packet):
                break
        _closed(self._server)

    def back(self) -> None:
        """Server to client."""
        while (packet := _packet(self._server)) is not None:
            _, _, _, _, kind, serial, _ = _HEADER.unpack_from(packet)
            if kind == _REPLY and serial == self._awaited:
                self._end()
                return
            if not _sent(self._client, packet):
                break
        _closed(self._client)

    def _end(self) -> None:
        self._wire.stop()
        _closed(self._client)
        _closed(self._server)


def _packet(source: socket.socket) -> bytes | None:
    """One whole packet, or None at the end."""
    head = _read(source, 4)
    rest = _read(source, struct.unpack(">I", head)[0] - 4) if head else None
    return None if head is None or rest is None else head + rest


def _read(source: socket.socket, count: int) -> bytes | None:
    found = b""
    while len(found) < count:
        try:
            part = source.recv(count - len(found))
        except OSError:
            return None
        if not part:
            return None
        found += part
    return found


def _sent(target: socket.socket, packet: bytes) -> bool:
    try:
        target.sendall(packet)
    except OSError:
        return False
    return True


def _closed(which: socket.socket) -> None:
    try:
        which.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
