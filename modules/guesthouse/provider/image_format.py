"""What an image file really is, read from its header before QEMU sees it.

A qcow2 header can name other files of the host (a backing file, an external data file); an
image with one is refused. Follows QEMU's docs/interop/qcow2.rst.
"""

from __future__ import annotations

import struct
from pathlib import Path

from guesthouse.errors import Problem, RefusedError

QCOW2_MAGIC = b"QFI\xfb"
# Offset 8: backing file's offset; 24: virtual size in bytes; 72: incompatible features.
_HEADER = struct.Struct(">4sIQIIQ")
EXTERNAL_DATA_FILE = 1 << 2
KNOWN_FEATURES = 0b11111
# Formats that QEMU would find by itself in a file that is declared raw.
_OTHER_MAGICS = {b"KDMV": "vmdk", b"conectix": "vpc", b"vhdxfile": "vhdx", b"# Disk D": "vmdk"}


def check_image(path: Path, declared: str) -> None:
    """Refuse a file that is not what it is declared to be, or that reaches for other files."""
    head = path.read_bytes()[:104] if path.stat().st_size < 104 else _head(path)
    problem = _qcow2_problem(head) if declared == "qcow2" else _raw_problem(head)
    if problem:
        raise RefusedError(
            Problem(
                f"image {path.name}",
                problem,
                hint="only self-contained images are used: `qemu-img convert` makes one",
            )
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(104)


def _raw_problem(head: bytes) -> str:
    if head.startswith(QCOW2_MAGIC):
        return "is declared raw, but is qcow2"
    for magic, name in _OTHER_MAGICS.items():
        if head.startswith(magic):
            return f"is declared raw, but is {name}"
    return ""


def _qcow2_problem(head: bytes) -> str:
    if not head.startswith(QCOW2_MAGIC) or len(head) < 72:
        return "is declared qcow2, but has no qcow2 header"
    _, version, backing_offset, _, _, size = _HEADER.unpack_from(head)
    if version not in (2, 3):
        return f"has qcow2 version {version}, which is unknown"
    if backing_offset:
        return "has a backing file"
    if size == 0:
        return "has a virtual size of 0"
    if version == 3:
        if len(head) < 104:
            return "is declared qcow2, but its header is cut off"
        features = struct.unpack_from(">Q", head, 72)[0]
        if features & EXTERNAL_DATA_FILE:
            return "keeps its data in another file"
        if features & ~KNOWN_FEATURES:
            return f"has unknown incompatible features {features & ~KNOWN_FEATURES:#x}"
    return ""
