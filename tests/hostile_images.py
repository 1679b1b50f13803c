"""Hostile disk images as a table: what each is declared as, its maker, what is said about it."""

from __future__ import annotations

from images import (
    CLUSTER,
    U32,
    U64,
    VMDK_TEXT,
    Make,
    cut,
    extension,
    patched,
    qemu,
    secret,
    with_backing,
    with_bitmap,
    with_snapshot,
    written,
)

NO_HEADER = "is declared qcow2, but has no qcow2 header"

HOSTILE: dict[str, tuple[str, Make, str]] = {
    # What reaches for other files, or asks for a key.
    "backing file": ("qcow2", with_backing, "has a backing file"),
    "backing file in version 2": (
        "qcow2",
        patched((U64, 8, 1024), make=qemu("qcow2", "-o", "compat=0.10")),
        "has a backing file",
    ),
    "length of a backing name": ("qcow2", patched((U32, 16, 11)), "has a backing file"),
    "backing format alone": (
        "qcow2",
        extension(0xE2792ACA, 5),
        "names the format of a backing file",
    ),
    "external data file": (
        "qcow2",
        qemu("qcow2", "-o", "data_file=data.raw"),
        "keeps its data in another file",
    ),
    "name of a data file alone": (
        "qcow2",
        extension(0x44415441, 8),
        "names an external data file",
    ),
    "luks in qcow2": (
        "qcow2",
        secret("qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10"),
        "is encrypted",
    ),
    "aes in qcow2": ("qcow2", patched((U32, 32, 1)), "is encrypted"),
    "unknown encryption": ("qcow2", patched((U32, 32, 2**32 - 1)), "is encrypted"),
    "encryption header alone": ("qcow2", extension(0x0537BE77, 16), "is encrypted"),
    # Features.
    "corrupt": ("qcow2", patched((U64, 72, 2)), "is marked as corrupt"),
    "dirty": ("qcow2", patched((U64, 72, 1)), "was not closed by its last writer (dirty)"),
    "feature 40": (
        "qcow2",
        patched((U64, 72, 1 << 40)),
        "has unknown incompatible features 0x10000000000",
    ),
    "feature 5": ("qcow2", patched((U64, 72, 32)), "has unknown incompatible features 0x20"),
    "version 1": ("qcow2", patched((U32, 4, 1)), "has qcow2 version 1, which is unknown"),
    "version 4": ("qcow2", patched((U32, 4, 4)), "has qcow2 version 4, which is unknown"),
    "snapshots": ("qcow2", with_snapshot, "has internal snapshots"),
    "2^32-1 snapshots": ("qcow2", patched((U32, 60, 2**32 - 1)), "has internal snapshots"),
    "bitmaps": ("qcow2", with_bitmap, "has persistent bitmaps"),
    # Sizes.
    "size 2^64-1": (
        "qcow2",
        patched((U64, 24, 2**64 - 1)),
        f"has a virtual size of {2**64 - 1} bytes, at most 64 TiB are allowed",
    ),
    "size 2^63": (
        "qcow2",
        patched((U64, 24, 2**63)),
        f"has a virtual size of {2**63} bytes, at most 64 TiB are allowed",
    ),
    "size over 64 TiB": (
        "qcow2",
        patched((U64, 24, 2**46 + 512)),
        f"has a virtual size of {2**46 + 512} bytes, at most 64 TiB are allowed",
    ),
    "size 0": ("qcow2", patched((U64, 24, 0)), "has a virtual size of 0"),
    "size over its L1": (
        "qcow2",
        patched((U64, 24, 2**40)),
        "has an L1 table of 1 entries, its size needs 2048",
    ),
    **{
        f"cluster_bits {bits}": (
            "qcow2",
            patched((U32, 20, bits)),
            f"has cluster_bits {bits}, allowed 9 to 21",
        )
        for bits in (0, 8, 22, 63, 2**32 - 1)
    },
    "no L1": (
        "qcow2",
        patched((U32, 36, 0)),
        "has an L1 table of 0 entries, its size needs 1",
    ),
    "L1 of 2^32-1": (
        "qcow2",
        patched((U32, 36, 2**32 - 1)),
        f"has an L1 table of {2**32 - 1} entries, which is out of range",
    ),
    "refcount table of 2^32-1": (
        "qcow2",
        patched((U32, 56, 2**32 - 1)),
        f"has a refcount table of {2**32 - 1} clusters, which is out of range",
    ),
    "no refcount table": (
        "qcow2",
        patched((U32, 56, 0)),
        "has a refcount table of 0 clusters, which is out of range",
    ),
    "refcount_order 7": (
        "qcow2",
        patched((U32, 96, 7)),
        "has refcount_order 7, allowed 0 to 6",
    ),
    **{
        f"header of {length}": (
            "qcow2",
            patched((U32, 100, length)),
            f"has a header of {length} bytes, which is out of range",
        )
        for length in (0, 72, 107, CLUSTER + 8, 2**32 - 8)
    },
    "compression 9": ("qcow2", patched((">B", 104, 9)), "has the unknown compression type 9"),
    "compression without its feature": (
        "qcow2",
        patched((">B", 104, 1)),
        "has a compression type that contradicts its features",
    ),
    # Header extensions.
    "extension of 2^32-1": (
        "qcow2",
        extension(0x12345678, 2**32 - 1),
        f"has a header extension of {2**32 - 1} bytes, which does not fit",
    ),
    "feature names oversize": (
        "qcow2",
        extension(0x6803F857, 48 * 65),
        "has a table of feature names of 3120 bytes, which is out of range",
    ),
    "feature names torn": (
        "qcow2",
        extension(0x6803F857, 47),
        "has a table of feature names of 47 bytes, which is out of range",
    ),
    # Tables.
    "L1 over the header": ("qcow2", patched((U64, 40, 0)), "has its L1 table over its header"),
    "L1 over the refcounts": (
        "qcow2",
        patched((U64, 40, CLUSTER)),
        "has its refcount table over its L1 table",
    ),
    "L1 between clusters": (
        "qcow2",
        patched((U64, 40, CLUSTER + 8)),
        f"has its L1 table at {CLUSTER + 8}, which no cluster begins at",
    ),
    "L1 behind the end": (
        "qcow2",
        patched((U64, 40, 2**63)),
        "has its L1 table behind the end of the file",
    ),
    "refcounts behind the end": (
        "qcow2",
        patched((U64, 48, 2**62)),
        "has its refcount table behind the end of the file",
    ),
    "L2 over the header": (
        "qcow2",
        patched((U64, 3 * CLUSTER, 1 << 63), make=qemu("qcow2")),
        "has an L2 table over its header",
    ),
    "L2 behind the end": (
        "qcow2",
        patched((U64, 3 * CLUSTER, 1 << 50)),
        "has an L2 table behind the end of the file",
    ),
    "L2 with reserved bits": (
        "qcow2",
        patched((U64, 3 * CLUSTER, 1)),
        "has an L2 table at 0x1, which is no offset of a cluster",
    ),
    "refcount block over L1": (
        "qcow2",
        patched((U64, CLUSTER, 3 * CLUSTER)),
        "has a refcount block over its L1 table",
    ),
    # Torn files.
    "empty qcow2": ("qcow2", written(b""), "is empty"),
    "empty raw": ("raw", written(b""), "is empty"),
    "only a magic": ("qcow2", cut(4), NO_HEADER),
    "72 bytes of version 3": ("qcow2", cut(72), NO_HEADER),
    "103 bytes of version 3": ("qcow2", cut(103), NO_HEADER),
    "the first cluster only": (
        "qcow2",
        cut(CLUSTER),
        "has its L1 table behind the end of the file",
    ),
    "raw as qcow2": ("qcow2", qemu("raw"), NO_HEADER),
    "luks as qcow2": ("qcow2", written(b"LUKS\xba\xbe\0\1" + bytes(4096)), NO_HEADER),
    # Containers that are declared raw.
    "luks": (
        "raw",
        secret("luks", "-o", "key-secret=k,iter-time=10"),
        "is declared raw, but is luks",
    ),
    "luks 2": ("raw", written(b"LUKS\xba\xbe\0\2" + bytes(4096)), "is declared raw, but is luks"),
    **{
        f"{name}{' fixed' if options else ''}": (
            "raw",
            qemu(name, *options),
            f"is declared raw, but is {name}",
        )
        for name, *options in (
            ("qcow2",),
            ("vmdk",),
            ("vdi",),
            ("vpc",),
            ("vpc", "-o", "subformat=fixed"),
            ("vhdx",),
            ("qed",),
            ("parallels",),
        )
    },
    "vmdk with extents": (
        "raw",
        qemu("vmdk", "-o", "subformat=monolithicFlat"),
        "is declared raw, but is vmdk",
    ),
    "vmdk of ESX": ("raw", written(b"COWD" + bytes(2048)), "is declared raw, but is vmdk"),
    "vmdk by hand": ("raw", written(VMDK_TEXT), "is declared raw, but is vmdk"),
    "parallels extended": (
        "raw",
        written(b"WithouFreSpacExt" + bytes(1024)),
        "is declared raw, but is parallels",
    ),
    "bochs": (
        "raw",
        written(b"Bochs Virtual HD Image".ljust(1024, b"\0")),
        "is declared raw, but is bochs",
    ),
    "cloop": (
        "raw",
        written(b"#!/bin/sh\n#V2.0 Format\n".ljust(1024, b"\0")),
        "is declared raw, but is cloop",
    ),
    "dmg": ("raw", written(bytes(1024) + b"koly".ljust(512, b"\0")), "is declared raw, but is dmg"),
}
