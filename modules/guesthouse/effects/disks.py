"""Old volumes x new volumes of a guest -> what the change costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guesthouse.effects.change import Change, Effect

GIB = 1024**3
Disks = Sequence[Mapping[str, Any]]


def disk_changes(seen: Disks, wanted: Disks, declared: Disks, running: bool) -> list[Change]:
    """``seen`` are the volumes that are there, ``declared`` those of the last `up`."""
    return list(_changes(seen, wanted, declared, running))


def _changes(seen: Disks, wanted: Disks, declared: Disks, running: bool) -> Iterator[Change]:
    there, known = _by_name(seen), _by_name(declared)
    for key, disk in _by_name(wanted).items():
        old, name = there.get(key), str(disk["name"])
        if old is None and key in known:
            why = "its volume is gone; an empty one would be made"
            yield Change(f"disk {name}", "", _size(disk), Effect.DESTROYS_DATA, why=why)
        elif old is None:
            continue
        elif old["backing_path"] != disk["backing_path"]:
            was, new = (str(d["backing_path"]).rpartition("/")[2] for d in (old, disk))
            why = "the disk is made anew"
            yield Change(f"disk {name} image", was, new, Effect.REPLACE, why=why)
        elif old["size_bytes"] > disk["size_bytes"]:
            why = "a disk does not shrink, it is made anew"
            yield Change(f"disk {name}", _size(old), _size(disk), Effect.DESTROYS_DATA, why=why)
        elif old["size_bytes"] < disk["size_bytes"]:
            effect = Effect.LIVE_PERSIST if running else Effect.NONE
            yield Change(f"disk {name}", _size(old), _size(disk), effect, path="size")
        was, is_ = (str((d or {}).get("allocation", "thin")) for d in (old, disk))
        if old is not None and was != is_:
            why = "it holds for a disk that is made anew"
            yield Change(f"disk {name} allocation", was, is_, Effect.NONE, why=why)
    for key, disk in there.items():
        if key not in _by_name(wanted):
            yield Change(f"disk {disk['name']}", _size(disk), "", Effect.DESTROYS_DATA)


def _by_name(disks: Disks) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(str(disk["pool"]), str(disk["volume"])): disk for disk in disks}


def _size(disk: Mapping[str, Any]) -> str:
    size = int(disk["size_bytes"])
    return f"{size // GIB} GiB" if size % GIB == 0 else f"{size} bytes"
