"""One command to a QEMU of ours, over its QMP socket (QEMU Machine Protocol, version 2.12+)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RefusedError(ConnectionError):
    """QEMU answered, and it was no."""


def command(path: Path, execute: str, timeout_s: float = 5, **arguments: object) -> Any:
    """Runs one QMP command and returns its value; OSError when nobody answers.

    A socket's path may have 107 bytes: it is reached through its folder's descriptor.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
            with connection.makefile("rw", encoding="utf-8") as stream:
                greeting = stream.readline()
                if "QMP" not in greeting:
                    raise ConnectionError(f"{path}: no QMP greeting")
                ask(stream, "qmp_capabilities")
                return ask(stream, execute, arguments)
    finally:
        os.close(folder)


def ask(stream: Any, execute: str, arguments: Mapping[str, object] | None = None) -> Any:
    """Sends one command; events that come before its answer are passed over."""
    stream.write(json.dumps({"execute": execute, "arguments": arguments or {}}) + "\n")
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if "error" in answer:
            raise RefusedError(f"{execute}: {answer['error'].get('desc', '')}")
        if "return" in answer:
            return answer["return"]
    raise ConnectionError(f"{execute}: the connection ended without an answer")
