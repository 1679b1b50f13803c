"""What an image file really is, read from its header before QEMU sees it.

A file declared raw must not be a container that QEMU would find by itself; a qcow2 is held to
``qcow2_header``. Disks with a partition table (MBR, GPT) and CD images (ISO 9660) are raw.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from guesthouse.errors import Problem, RefusedError
from guesthouse.provider.qcow2_header import QCOW2_MAGIC, qcow2_problem

HEAD_BYTES = 4096
# Trailers (fixed VHD, DMG) take the last 512 bytes of a file.
TRAILER_BYTES = 512
# Formats that QEMU would find by itself in a file that is declared raw, as (offset, magic).
_MAGICS = {
    (0, QCOW2_MAGIC): "qcow2",
    (0, b"KDMV"): "vmdk",
    (0, b"COWD"): "vmdk",
    (0, b"# Disk D"): "vmdk",
    (0, b"conectix"): "vpc",
    (0, b"vhdxfile"): "vhdx",
    (64, b"\x7f\x10\xda\xbe"): "vdi",
    (0, b"QED\0"): "qed",
    (0, b"WithoutFreeSpace"): "parallels",
    (0, b"WithouFreSpacExt"): "parallels",
    (0, b"LUKS\xba\xbe"): "luks",
    (0, b"Bochs Virtual HD Image"): "bochs",
    (0, b"#!/bin/sh\n#V2.0 Format\n"): "cloop",
}
_TRAILERS = {b"conectix": "vpc", b"koly": "dmg"}
# A VMDK's description in text: comments and empty lines, then its version.
_VMDK_TEXT = re.compile(rb"(?:[ \t]*+(?:#[^\n]*+)?+\r?\n)*+\s*+version[ \t]*+=[ \t]*+\d", re.I)


def check_image(path: Path, declared: str) -> None:
    """Refuse a file that is not what it is declared to be, or that reaches for other files.

    ``declared`` is "qcow2" or "raw". Raises RefusedError.
    """
    problem = next(_problems(path, declared), "")
    if problem:
        raise RefusedError(
            Problem(
                f"image {path.name}",
                problem,
                hint="only self-contained images are used: `qemu-img convert` makes one",
            )
        )


def _problems(path: Path, declared: str) -> Iterator[str]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size == 0:
            yield "is empty"
        elif declared == "qcow2":
            yield from qcow2_problem(file, size)
        else:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, size - TRAILER_BYTES), os.SEEK_SET)
            if found := _other_format(head, file.read(TRAILER_BYTES)):
                yield f"is declared raw, but is {found}"


def _other_format(head: bytes, trailer: bytes) -> str:
    for (offset, magic), name in _MAGICS.items():
        if head.startswith(magic, offset):
            return name
    if _VMDK_TEXT.match(head):
        return "vmdk"
    return next((name for magic, name in _TRAILERS.items() if trailer.startswith(magic)), "")
