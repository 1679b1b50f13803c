"""The door to files that others wrote: only regular ones, and never more than is expected."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a FIFO",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}
MIB = 1024**2


class Unreadable(Exception):
    """Why a file was not read, in a few words that come after its name."""


def read_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file of up to ``at_most`` bytes; links are followed.

    Never waits for a writer, and opens no device. Raises FileNotFoundError where nothing is, and
    Unreadable for the rest.
    """
    try:
        # Looked at before it is opened, since opening a device may do something.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise Unreadable(_KINDS[stat.S_IFMT(mode)])
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = file.read(at_most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {(error.strerror or '').lower()}") from None
    except ValueError as error:  # a NUL in the name
        raise Unreadable(f"cannot be read: {error}") from None
    if len(data) > at_most:
        raise Unreadable(f"is larger than {at_most // MIB} MiB")
    return data


def read_text(path: Path, at_most: int) -> str:
    """The same, of UTF-8; a byte order mark goes."""
    data = read_bytes(path, at_most)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8 text") from None
