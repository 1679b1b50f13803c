"""A wire of the lab: passes Ethernet frames between two ends, late and with loss if so told.

``python -m guesthouse.lab.wire --tap near --tap far --delay-ms 100 --loss-percent 5``, each way. An
end is a tap device, made in this process's network namespace (tuntap.rst of the kernel), or a pair
of Unix datagram sockets as QEMU's ``-netdev dgram`` has them: ``--dgram OWN PEER``. Frames that
nobody takes are lost. It ends at SIGTERM, or when its own socket's path is gone.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READY = "passes frames"
# Bytes of a frame, and frames that wait in one direction: what is beyond is lost.
FRAME, FRAMES = 9216, 4096
# A datagram socket does not tell when its peer has room again.
RETRY_S, LOOK_S = 0.001, 1.0
TUN, TUNSETIFF, IFF_TAP, IFF_NO_PI = "/dev/net/tun", 0x400454CA, 0x2, 0x1000


@dataclass(frozen=True)
class End:
    """Where frames come in and go out; BlockingIOError when there is none, or no room."""

    descriptor: int
    receive: Callable[[], bytes]
    send: Callable[[bytes], object]
    path: Path = Path()


def tap(name: str) -> End:
    """A tap device; it goes with this process."""
    file = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return End(file, lambda: os.read(file, FRAME + 1), lambda frame: os.write(file, frame))


def sockets(own: str, peer: str) -> End:
    """A socket at ``own``, where a dead one's may be, that sends to the one at ``peer``."""
    path = Path(own)
    path.unlink(missing_ok=True)
    near = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    near.bind(own)
    # Its folder is the user's alone. This process may be root, and the QEMU at the other end not.
    path.chmod(0o666)
    send = near.sendto
    return End(near.fileno(), lambda: near.recv(FRAME + 1), lambda frame: send(frame, peer), path)


@dataclass
class Way:
    """One direction. Each frame waits as long as all others, so they keep their order."""

    source: End
    target: End
    delay_s: float
    loss_percent: int
    frames: deque[tuple[float, bytes]] = field(default_factory=deque)
    retry: float = 0

    def take(self) -> None:
        """Takes what is there, but not for ever: the other direction has its turn."""
        for _ in range(64):
            try:
                frame = self.source.receive()
            except BlockingIOError:
                return
            lost = secrets.randbelow(100) < self.loss_percent
            if not lost and len(frame) <= FRAME and len(self.frames) < FRAMES:
                self.frames.append((time.monotonic() + self.delay_s, frame))

    def give(self) -> None:
        """Sends what has waited long enough."""
        while self.frames and self.wait() <= 0:
            try:
                self.target.send(self.frames[0][1])
            except BlockingIOError:
                self.retry = time.monotonic() + RETRY_S
                return
            except OSError:
                pass  # Nobody is there, or the device is down.
            self.frames.popleft()

    def wait(self) -> float:
        """Seconds until something is to be done."""
        next_s = max(self.frames[0][0], self.retry) - time.monotonic() if self.frames else LOOK_S
        return max(0, min(next_s, LOOK_S))


def run(ends: Sequence[End], delay_s: float, loss_percent: int) -> None:
    """Passes frames between two ends, while their own paths are there."""
    one, other = ends
    ways = [Way(*pair, delay_s, loss_percent) for pair in ((one, other), (other, one))]
    with selectors.DefaultSelector() as selector:
        for way in ways:
            selector.register(way.source.descriptor, selectors.EVENT_READ, way)
        while one.path.exists() and other.path.exists():
            look = time.monotonic() + LOOK_S
            while time.monotonic() < look:
                for key, _ in selector.select(min(way.wait() for way in ways)):
                    key.data.take()
                for way in ways:
                    way.give()


def main(argv: Sequence[str]) -> None:
    """The command; says READY when both ends are there."""
    parser = argparse.ArgumentParser(prog="guesthouse.lab.wire")
    parser.add_argument("--tap", action="append", default=[])
    parser.add_argument("--dgram", action="append", default=[], nargs=2)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--loss-percent", type=int, default=0)
    asked = parser.parse_args(argv)
    ends = [*map(tap, asked.tap), *(sockets(*paths) for paths in asked.dgram)]
    if len(ends) != 2:
        parser.error("a wire has two ends")
    print(READY, flush=True)
    run(ends, asked.delay_ms / 1000, asked.loss_percent)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"wire: {error}")
