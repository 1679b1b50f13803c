"""Makers of disk images, harmless and hostile, and the harmless ones that must pass."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

CLUSTER = 65536
Make = Callable[[Path], None]
U32, U64 = ">I", ">Q"


def qemu(format: str, *options: str, size: str = "10M") -> Make:
    """An image by the real qemu-img."""

    def make(path: Path) -> None:
        command = ["qemu-img", "create", "-q", "-f", format, *options, str(path), size]
        subprocess.run(command, check=True, capture_output=True, cwd=path.parent)

    return make


def secret(format: str, *options: str) -> Make:
    """An image that qemu-img encrypts."""

    def make(path: Path) -> None:
        key = ("--object", "secret,id=k,data=passphrase")
        command = ["qemu-img", "create", "-q", *key, "-f", format, *options, str(path), "1M"]
        subprocess.run(command, check=True, capture_output=True)

    return make


def patched(*changes: tuple[str, int, int], make: Make | None = None) -> Make:
    """A qcow2 with other numbers at some offsets, as (form, offset, value)."""

    def patch(path: Path) -> None:
        (make or qemu("qcow2"))(path)
        data = bytearray(path.read_bytes())
        for form, offset, value in changes:
            struct.pack_into(form, data, offset, value)
        path.write_bytes(data)

    return patch


def extension(kind: int, length: int) -> Make:
    """A qcow2 whose first header extension is this one, filled with zeros."""
    return patched((U32, 112, kind), (U32, 116, length))


def with_backing(path: Path) -> None:
    qemu("qcow2")(path.with_name("base"))
    qemu("qcow2", "-b", "base", "-F", "qcow2")(path)


def with_snapshot(path: Path) -> None:
    qemu("qcow2")(path)
    subprocess.run(["qemu-img", "snapshot", "-c", "s", str(path)], check=True)


def with_bitmap(path: Path) -> None:
    qemu("qcow2")(path)
    subprocess.run(["qemu-img", "bitmap", "--add", str(path), "b"], check=True)


def written(data: bytes) -> Make:
    return lambda path: path.write_bytes(data) and None


def cut(length: int) -> Make:
    def make(path: Path) -> None:
        qemu("qcow2")(path)
        path.write_bytes(path.read_bytes()[:length])

    return make


def filled(format: str, *options: str) -> Make:
    """An image with data in it, converted by qemu-img."""

    def make(path: Path) -> None:
        source = path.with_name("source")
        source.write_bytes(bytes(range(256)) * 16384)
        command = ["qemu-img", "convert", "-f", "raw", "-O", format, *options]
        subprocess.run([*command, str(source), str(path)], check=True, capture_output=True)

    return make


def mbr(kind: int) -> bytes:
    """A disk with one partition of 1 MiB."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", kind, b"\xff" * 3, 1, 2047)
    return (b"\xeb\x63".ljust(446, b"\x90") + entry).ljust(510, b"\0") + b"\x55\xaa"


GPT = mbr(0xEE) + b"EFI PART\0\0\1\0".ljust(512, b"\0")
ISO = bytes(32768) + b"\1CD001\1".ljust(2048, b"\0") + b"\xffCD001\1".ljust(2048, b"\0")
VMDK_TEXT = (
    b'# made by hand\n\n\nversion=1\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n'
)

CONTROLS: dict[str, tuple[str, Make]] = {
    "version 3": ("qcow2", qemu("qcow2")),
    "version 2": ("qcow2", qemu("qcow2", "-o", "compat=0.10")),
    "extended L2": ("qcow2", qemu("qcow2", "-o", "extended_l2=on,cluster_size=128k")),
    "zstd": ("qcow2", qemu("qcow2", "-o", "compression_type=zstd")),
    "clusters of 512": ("qcow2", qemu("qcow2", "-o", "cluster_size=512")),
    "clusters of 2 MiB": ("qcow2", qemu("qcow2", "-o", "cluster_size=2M")),
    "refcounts of 1 bit": ("qcow2", qemu("qcow2", "-o", "refcount_bits=1")),
    "preallocated": ("qcow2", qemu("qcow2", "-o", "preallocation=metadata")),
    "10 TiB": ("qcow2", qemu("qcow2", size="10T")),
    "with data": ("qcow2", filled("qcow2")),
    "compressed": ("qcow2", filled("qcow2", "-c")),
    "compressed, version 2": ("qcow2", filled("qcow2", "-c", "-o", "compat=0.10")),
    "unknown extension": ("qcow2", extension(0x12345678, 8)),
    "lazy refcounts": ("qcow2", qemu("qcow2", "-o", "lazy_refcounts=on")),
    "raw": ("raw", qemu("raw")),
    "raw with data": ("raw", filled("raw")),
    "MBR": ("raw", written(mbr(0x83) + bytes(2**20))),
    "GPT": ("raw", written(GPT + bytes(2**20))),
    "ISO": ("raw", written(ISO)),
    "a text": ("raw", written(b"# a script\nversions are none\n")),
}
