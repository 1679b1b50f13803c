"""Facts of storage on a host: pools, and disk images by their header.

Follows https://libvirt.org/formatstorage.html.
"""

from __future__ import annotations

import base64
import shlex
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from guesthouse.facts import virsh
from guesthouse.facts.question import Question


@dataclass(frozen=True)
class PoolFact:
    """A storage pool: its kind (``dir``), folder, UUID, whether it runs and starts at boot."""

    uuid: str
    kind: str
    path: str
    running: bool
    autostart: bool


@dataclass(frozen=True)
class VolumeFact:
    """A disk image: format, capacity that a guest sees, bytes used, file it is an overlay on."""

    format: str
    size_bytes: int
    used_bytes: int
    backing_path: str


POOL_COMMANDS = ("pool-info", "pool-dumpxml")


def pool(info_text: str, text: str) -> PoolFact:
    """Read the answers to ``POOL_COMMANDS``."""
    info, root = virsh.table(info_text), virsh.xml(text)
    return PoolFact(
        uuid=info["UUID"],
        kind=root.get("type") or "",
        path=root.findtext("target/path") or "",
        running=info["State"] == "running",
        autostart=info["Autostart"] == "yes",
    )


def volumes(paths: Iterable[str]) -> Question[dict[str, VolumeFact]]:
    """Disk images by path; a file that does not exist is absent in the answer.

    Reads only the header, so a file that a running QEMU has locked is no obstacle.
    """
    wanted = tuple(paths)
    command = f"""
set -- {shlex.join(wanted)}
i=0
for p in "$@"; do
  if [ -e "$p" ]; then
    echo "$i $(stat -L -c '%s %b' -- "$p") $(head -c 4096 -- "$p" | base64 -w 0)" || exit 1
  fi
  i=$((i + 1))
done
"""

    def parse(output: str) -> dict[str, VolumeFact]:
        rows = (line.split(" ") for line in output.splitlines())
        return {
            wanted[int(index)]: _volume(int(size), int(blocks), base64.b64decode(header))
            for index, size, blocks, header in rows
        }

    return Question(command, parse)


def _volume(size: int, blocks: int, header: bytes) -> VolumeFact:
    """qcow2's header: magic, version, offset and length of the backing file's name, size.

    https://www.qemu.org/docs/master/interop/qcow2.html; anything else is taken as raw.
    """
    # stat(1) counts blocks of 512 bytes.
    used = blocks * 512
    if len(header) < 32 or header[:4] != b"QFI\xfb":
        return VolumeFact("raw", size, used, "")
    offset, length = struct.unpack(">QI", header[8:20])
    (capacity,) = struct.unpack(">Q", header[24:32])
    backing = header[offset : offset + length].decode(errors="backslashreplace") if offset else ""
    return VolumeFact("qcow2", capacity, used, backing)


def digests(paths: Iterable[str]) -> Question[dict[str, str]]:
    """SHA-256 of files by path, absent ones absent. Costly: every byte is read."""
    wanted = tuple(paths)
    command = f"""
set -- {shlex.join(wanted)}
i=0
for p in "$@"; do
  if [ -f "$p" ]; then echo "$i $(sha256sum <"$p")" || exit 1; fi
  i=$((i + 1))
done
"""

    def parse(output: str) -> dict[str, str]:
        words = (line.split() for line in output.splitlines())
        return {wanted[int(w[0])]: w[1] for w in words}

    return Question(command, parse)
