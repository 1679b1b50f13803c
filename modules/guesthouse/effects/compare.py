"""Two domain documents -> the changes between them, with their effects."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from guesthouse.effects.change import CHANGED, THERE, Change, Effect
from guesthouse.effects.room import DIMM_KIB, Room
from guesthouse.effects.table import Row, place, row
from guesthouse.effects.units import Element, Key, is_vf, kind, leaves, parse, units

# What takes a PCIe root port when it is plugged in.
_NEEDS_PORT = ("disk", "interface", "hostdev", "rng")
_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class _Found:
    """A leaf that differs, before leaves of one thing become one change."""

    key: Key
    path: str
    row: Row
    old: str
    new: str
    same_live: bool


def domain_changes(
    old: str,
    new: str,
    room: Room | None = None,
    running: str | None = None,
    names: Mapping[str, str] | None = None,
) -> list[Change]:
    """What leads from the document ``old`` to ``new``.

    ``room`` are the limits of the running guest, None when it is off: then nothing costs anything
    now. ``running`` is the running part alone: what it has already needs only to be stored.
    ``names`` are names of devices by MAC address, in the user's words.
    """
    roots = parse(old), parse(new), None if running is None else parse(running)
    before = units(roots[0])
    after = _by_known_key(before, units(roots[1]))
    live = None if roots[2] is None else units(roots[2])
    found = {(item.key, item.path): item for item in _attributes(*roots)}
    # A device at another place goes before it comes.
    gone = [key for key in before if key not in after and kind(key) == "hostdev"]
    for key in dict.fromkeys([*gone, *after, *before]):
        for item in _unit(key, before.get(key), after.get(key), live):
            # Several paths may say the same thing; one is shown.
            thing = _owner(key), item.row.what or item.path
            first = found.setdefault(thing, item)
            if _shown_first(item) < _shown_first(first):
                found[thing] = item
    changes = [_change(item, names or {}) for item in found.values()]
    return list(_limited(changes, room))


def _by_known_key(
    before: Mapping[Key, Element], after: Mapping[Key, Element]
) -> Mapping[Key, Element]:
    """``after`` by the keys that its devices have: a volume with another serial is not another
    disk, which would be pulled out of a running guest and plugged in again."""
    gone = {_volume(e): k for k, e in before.items() if k not in after and kind(k) == "disk"}
    gone.pop("", None)
    return {k if k in before else gone.get(_volume(e), k): e for k, e in after.items()}


def _volume(element: Element) -> str:
    source = element.find("source")
    return "" if source is None else str(source.get("file", ""))


def _shown_first(item: _Found) -> tuple[bool, int]:
    return item.same_live, place(item.row)


def _owner(key: Key) -> Key:
    """Whose change it is: a device's own; else the guest's (memory is said in several units)."""
    return key if key[0] == "devices" and key[1] != "controller" else ()


def _unit(
    key: Key, old: Element | None, new: Element | None, live: Mapping[Key, Element] | None
) -> Iterator[_Found]:
    own = kind(key)
    running = None if live is None else live.get(key)
    if key[0] == "devices" and (old is None or new is None):
        path = f"{'+' if old is None else '-'}{own}"
        there, wanted = running is not None, new is not None
        same = live is not None and there == wanted
        yield _Found(key, path, row(path), "" if old is None else THERE, _there(new), same)
        return
    if own == "interface" and old is not None and new is not None and is_vf(old) and is_vf(new):
        own = "vf"
    one, other = leaves(old), leaves(new)
    now = {} if running is None else leaves(running)
    for leaf in dict.fromkeys([*other, *one]):
        was, is_ = one.get(leaf, ""), other.get(leaf, "")
        if was != is_:
            path = _join(own, leaf)
            plain = re.sub(r"\[[^]]*\]", "", path)
            if plain.startswith("cpu/numa/") and not (was and is_):
                # The cell comes and goes with memory_max.
                plain = "cpu/numa/cell"
            same = live is not None and now.get(leaf, "") == is_
            yield _Found(key, path, row(plain), was, is_, same)


def _attributes(old: Element, new: Element, running: Element | None) -> Iterator[_Found]:
    """What the domain itself says, beside its parts: its type."""
    for name in dict.fromkeys([*new.attrib, *old.attrib]):
        was, is_ = old.get(name, ""), new.get(name, "")
        if was != is_:
            path = f"@{name}"
            same = running is not None and running.get(name, "") == is_
            yield _Found((path,), path, row(path), was, is_, same)


def _there(element: Element | None) -> str:
    return "" if element is None else THERE


def _join(kind: str, leaf: str) -> str:
    return f"{kind}{leaf}" if leaf.startswith("@") or not leaf else f"{kind}/{leaf}"


def _noun(key: Key) -> str:
    """The user's word for a device."""
    return {"interface": "NIC", "hostdev": "device"}.get(key[1], key[1])


def _change(found: _Found, names: Mapping[str, str]) -> Change:
    effect, what = found.row.effect, found.row.what or found.path
    if found.key[:2] == ("devices", "controller"):
        return Change(what, "", CHANGED, effect, found.key, found.path)
    if found.path[0] in "+-":
        what = _noun(found.key)
        if len(found.key) > 2:
            what += f" {names.get(found.key[-1], found.key[-1])}"
    elif found.key[0] == "devices" and len(found.key) > 2:
        name = names.get(found.key[-1], found.key[-1])
        what = f"{_noun(found.key)} {name} {found.row.what or found.path.partition('/')[2]}"
    if found.same_live and effect.rank <= Effect.RESTART.rank:
        effect = Effect.NONE
    old, new = found.row.words(found.old), found.row.words(found.new)
    return Change(what, old, new, effect, found.key, found.path)


def _limited(changes: list[Change], room: Room | None) -> Iterator[Change]:
    """The same changes, dearer where the running guest has no room, free where none runs."""
    ports = 0
    if room is not None:
        freed = [c for c in changes if _takes_port(c, "-") and c.effect is not Effect.NONE]
        ports = room.ports + len(freed)
    for change in changes:
        if room is None:
            cheap = change.effect.rank <= Effect.RESTART.rank
            yield replace(change, effect=Effect.NONE) if cheap else change
        elif change.effect not in (Effect.LIVE, Effect.LIVE_PERSIST):
            yield change
        elif _takes_port(change, "+"):
            why = "" if ports > 0 else "no PCIe root port is free"
            ports -= 1
            yield _dearer(change, why)
        elif change.path == "vcpu@current":
            most = room.vcpus_max
            yield _dearer(
                change, f"until then it takes at most {most}" if _int(change.new) > most else ""
            )
        elif change.what == "memory":
            yield _dearer(change, _memory_limit(_int(change.new), room))
        else:
            yield change


def _takes_port(change: Change, sign: str) -> bool:
    return change.path[:1] == sign and change.path[1:] in _NEEDS_PORT


def _int(text: str) -> int:
    return math.ceil(float(text.partition(" ")[0] or 0))


def _memory_limit(mib: int, room: Room) -> str:
    """Why the running guest can't have ``mib``; empty when it can."""
    wanted = mib * _KIB_PER_MIB
    if wanted <= room.memory_kib:
        return ""
    plugged = room.memory_kib + -(-(wanted - room.memory_kib) // DIMM_KIB) * DIMM_KIB
    if plugged > room.memory_max_kib:
        return f"it was started with at most {room.memory_max_kib // _KIB_PER_MIB} MiB"
    return "" if room.memory_slots else "no memory slot is free"


def _dearer(change: Change, why: str) -> Change:
    return replace(change, effect=Effect.RESTART, why=why) if why else change
