"""Facts of storage on a host: pools, and disk images as QEMU reads them.

Follows https://libvirt.org/formatstorage.html and qemu-img(1).
"""

from __future__ import annotations

import json
import shlex
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


def pools(names: Iterable[str]) -> Question[dict[str, PoolFact]]:
    """Pools by name; one that does not exist is absent in the answer."""
    wanted = tuple(names)

    def parse(output: str) -> dict[str, PoolFact]:
        parts = virsh.parts(output)
        return {n: _pool(parts[n, 0], parts[n, 1]) for n in wanted if parts.get((n, 1))}

    return Question(virsh.virsh(wanted, ("pool-info %s", "pool-dumpxml %s")), parse)


def _pool(info_text: str, text: str) -> PoolFact:
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

    ``-U`` reads beside the running QEMU that holds the file's lock, and changes nothing.
    """
    wanted = tuple(paths)
    command = f"""
set -- {shlex.join(wanted)}
i=0
for p in "$@"; do
  if [ -e "$p" ]; then
    echo "== $i"
    qemu-img info -U --output=json -- "$p" || exit 1
  fi
  i=$((i + 1))
done
"""

    def parse(output: str) -> dict[str, VolumeFact]:
        found = {}
        for part in f"\n{output}".split("\n== ")[1:]:
            index, _, text = part.partition("\n")
            about = json.loads(text)
            found[wanted[int(index)]] = VolumeFact(
                format=about["format"],
                size_bytes=about["virtual-size"],
                used_bytes=about.get("actual-size", 0),
                backing_path=about.get("full-backing-filename")
                or about.get("backing-filename", ""),
            )
        return found

    return Question(command, parse)


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
