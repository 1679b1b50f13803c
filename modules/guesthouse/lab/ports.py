"""Free ports on loopback, chosen by the kernel."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> tuple[int, ...]:
    """That many different TCP ports nobody listens on now; the lab keeps them in its state."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind((LOOPBACK, 0))
        return tuple(int(item.getsockname()[1]) for item in sockets)


def is_free(port: int) -> bool:
    """Whether a listener could take the port now."""
    with socket.socket() as item:
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            item.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
