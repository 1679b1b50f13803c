"""What is wrong with a qcow2 file, read from its header and first tables only.

Follows QEMU's docs/interop/qcow2.rst. Whoever made the file chose each number in it, so every one
is held to a range before it is used, and no more than the bounded tables is read.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

QCOW2_MAGIC = b"QFI\xfb"
MAX_VIRTUAL_BYTES = 64 * 2**40
# Half a million entries: L1 for 64 TiB takes 1 MiB with the usual clusters of 64 KiB.
CLUSTER_BITS = range(9, 22)
MAX_L1_BYTES = 4 * 2**20
MAX_REFCOUNT_TABLE_BYTES = 4 * 2**20
# Bits of the incompatible features.
DIRTY, CORRUPT, EXTERNAL_DATA_FILE, COMPRESSION_TYPE, EXTENDED_L2 = (1 << n for n in range(5))
ACCEPTED_FEATURES = COMPRESSION_TYPE | EXTENDED_L2
COMPRESSION_TYPES = (0, 1)  # deflate, zstd
MAX_FEATURE_NAMES = 64
_V2_BYTES, _V3_BYTES = 72, 104
_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_EXTENSION = struct.Struct(">II")
_FEATURE_NAME_BYTES = 48
_FEATURE_NAMES = 0x6803F857
_REFUSED_EXTENSIONS = {
    0xE2792ACA: "names the format of a backing file",
    0x44415441: "names an external data file",
    0x0537BE77: "is encrypted",
    0x23852875: "has persistent bitmaps",
}
# Where L1 and refcount table entries hold an offset; what else may be set in them.
_OFFSET_BITS = 0x00FF_FFFF_FFFF_FE00
_COPIED_BIT = 1 << 63


class Header(NamedTuple):
    """The header's fields. Offsets and sizes in bytes, ``l1_size`` in entries of 8 bytes."""

    magic: bytes
    version: int
    backing_offset: int
    backing_bytes: int
    cluster_bits: int
    virtual_bytes: int
    crypt_method: int
    l1_size: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    snapshots_offset: int
    features: int = 0
    compatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    header_bytes: int = _V2_BYTES


class Table(NamedTuple):
    """A table of the file: its name in messages, where it begins and ends, in bytes."""

    name: str
    start: int
    end: int


def qcow2_problem(file: BinaryIO, file_bytes: int) -> Iterator[str]:
    """What is wrong, the first thing first. ``file`` is at its beginning."""
    head = file.read(1 << CLUSTER_BITS[-1])
    if not head.startswith(QCOW2_MAGIC) or len(head) < _V2_BYTES:
        yield "is declared qcow2, but has no qcow2 header"
        return
    header = Header(*_V2.unpack_from(head))
    if header.version not in (2, 3):
        yield f"has qcow2 version {header.version}, which is unknown"
        return
    if header.version == 3:
        if len(head) < _V3_BYTES:
            yield "is declared qcow2, but has no qcow2 header"
            return
        header = Header(*header[:13], *_V3.unpack_from(head, _V2_BYTES))
    for part in (
        _reaches_out(header),
        _sizes(header),
        _version_3(header, head),
        _extensions(header, head),
        _tables(header, file, file_bytes),
    ):
        for problem in part:
            yield problem
            return


def _reaches_out(header: Header) -> Iterator[str]:
    if header.backing_offset or header.backing_bytes:
        yield "has a backing file"
    if header.features & EXTERNAL_DATA_FILE:
        yield "keeps its data in another file"
    if header.crypt_method:
        yield "is encrypted"
    if header.features & CORRUPT:
        yield "is marked as corrupt"
    if header.features & DIRTY:
        yield "was not closed by its last writer (dirty)"
    if unknown := header.features & ~ACCEPTED_FEATURES:
        yield f"has unknown incompatible features {unknown:#x}"
    if header.snapshots or header.snapshots_offset:
        yield "has internal snapshots"


def _sizes(header: Header) -> Iterator[str]:
    if header.cluster_bits not in CLUSTER_BITS:
        yield f"has cluster_bits {header.cluster_bits}, allowed 9 to 21"
        return
    if header.virtual_bytes == 0:
        yield "has a virtual size of 0"
    if header.virtual_bytes > MAX_VIRTUAL_BYTES:
        yield f"has a virtual size of {header.virtual_bytes} bytes, at most 64 TiB are allowed"
    cluster_bytes = 1 << header.cluster_bits
    entries = cluster_bytes // (16 if header.features & EXTENDED_L2 else 8)
    needed = -(-header.virtual_bytes // (cluster_bytes * entries))
    if header.l1_size * 8 > MAX_L1_BYTES:
        yield f"has an L1 table of {header.l1_size} entries, which is out of range"
    if header.l1_size < needed:
        yield f"has an L1 table of {header.l1_size} entries, its size needs {needed}"
    if not 0 < header.refcount_clusters * cluster_bytes <= MAX_REFCOUNT_TABLE_BYTES:
        yield f"has a refcount table of {header.refcount_clusters} clusters, which is out of range"


def _version_3(header: Header, head: bytes) -> Iterator[str]:
    if header.version != 3:
        return
    longest = 1 << header.cluster_bits
    if header.header_bytes % 8 or not _V3_BYTES <= header.header_bytes <= longest:
        yield f"has a header of {header.header_bytes} bytes, which is out of range"
        return
    if header.refcount_order > 6:
        yield f"has refcount_order {header.refcount_order}, allowed 0 to 6"
    kind = head[_V3_BYTES] if header.header_bytes > _V3_BYTES and len(head) > _V3_BYTES else 0
    if kind not in COMPRESSION_TYPES:
        yield f"has the unknown compression type {kind}"
    if bool(kind) != bool(header.features & COMPRESSION_TYPE):
        yield "has a compression type that contradicts its features"


def _extensions(header: Header, head: bytes) -> Iterator[str]:
    end = min(len(head), 1 << header.cluster_bits)
    at = header.header_bytes
    while at + _EXTENSION.size <= end:
        kind, length = _EXTENSION.unpack_from(head, at)
        if kind == 0:
            return
        at += _EXTENSION.size
        if length > end - at:
            yield f"has a header extension of {length} bytes, which does not fit"
            return
        if kind in _REFUSED_EXTENSIONS:
            yield _REFUSED_EXTENSIONS[kind]
        names, rest = divmod(length, _FEATURE_NAME_BYTES)
        if kind == _FEATURE_NAMES and (rest or names > MAX_FEATURE_NAMES):
            yield f"has a table of feature names of {length} bytes, which is out of range"
        at += -(-length // 8) * 8


def _tables(header: Header, file: BinaryIO, file_bytes: int) -> Iterator[str]:
    cluster_bytes = 1 << header.cluster_bits
    refcount_end = header.refcount_offset + header.refcount_clusters * cluster_bytes
    known = [
        Table("header", 0, cluster_bytes),
        Table("L1 table", header.l1_offset, header.l1_offset + header.l1_size * 8),
        Table("refcount table", header.refcount_offset, refcount_end),
    ]
    for number, table in enumerate(known[1:], 1):
        if table.start % cluster_bytes:
            yield f"has its {table.name} at {table.start}, which no cluster begins at"
        if table.end > file_bytes:
            yield f"has its {table.name} behind the end of the file"
        for other in known[:number]:
            if table.start < other.end and other.start < table.end:
                yield f"has its {table.name} over its {other.name}"
    yield from _pointers(file, "an L2 table", known[1], known, cluster_bytes, file_bytes)
    yield from _pointers(file, "a refcount block", known[2], known, cluster_bytes, file_bytes)


def _pointers(
    file: BinaryIO, name: str, table: Table, known: list[Table], cluster_bytes: int, file_bytes: int
) -> Iterator[str]:
    """What is wrong with the clusters that the entries of ``table`` point at."""
    file.seek(table.start)
    entries = array("Q", file.read(table.end - table.start))
    if sys.byteorder == "little":
        entries.byteswap()
    seen: set[int] = set()
    for entry in entries:
        if entry == 0:
            continue
        offset = entry & _OFFSET_BITS
        if entry & ~(_OFFSET_BITS | _COPIED_BIT) or offset % cluster_bytes:
            yield f"has {name} at {entry:#x}, which is no offset of a cluster"
        elif offset >= file_bytes:
            yield f"has {name} behind the end of the file"
        elif offset in seen:
            yield f"has {name} twice"
        for other in known:
            if offset < other.end and other.start < offset + cluster_bytes:
                yield f"has {name} over its {other.name}"
        seen.add(offset)
