"""Changes and what they cost. This version repairs drift; of what a user changes on a guest that
exists it does only what no running guest can notice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from guesthouse.effects.units import Element, Key, parse, serialise, units


class Effect(Enum):
    """What a change costs, from harmless to impossible in this version."""

    NONE = "no effect on the running guest"
    LIVE = "live"
    REFUSED = "not possible yet"


@dataclass(frozen=True)
class Change:
    """One changed unit. ``old`` and ``new`` are short texts; ``xml`` is the unit to attach,
    detach or read the new value from."""

    key: Key
    old: str
    new: str
    effect: Effect
    xml: str = ""

    def __str__(self) -> str:
        name = "/".join(self.key[1:] if self.key[0] == "devices" else self.key)
        return f"{name} {self.old or 'none'} -> {self.new or 'none'} ({self.effect.value})"


def domain_changes(old: str, new: str, drift: bool) -> list[Change]:
    """What leads from the document ``old`` to ``new``.

    With ``drift``, ``new`` is what was applied before and ``old`` what the machine has now: then
    the change is a repair, and more is possible.
    """
    before, after = units(parse(old)), units(parse(new))
    changes = []
    for key in dict.fromkeys([*after, *before]):
        one, other = before.get(key), after.get(key)
        one_text = _text(one)
        other_text = _text(other)
        if one_text != other_text:
            effect = _repair(key, one, other) if drift else _edit(key)
            kept = other if other is not None else one
            changes.append(Change(key, _short(one), _short(other), effect, _text(kept)))
    return changes


def _repair(key: Key, old: Element | None, new: Element | None) -> Effect:
    if key[0] in ("vcpu", "currentMemory"):
        return Effect.LIVE
    if key[:2] in (("devices", "disk"), ("devices", "interface")):
        # A device that is only different can't be told from another one: no live repair.
        return Effect.LIVE if old is None or new is None else Effect.REFUSED
    return Effect.NONE


def _edit(key: Key) -> Effect:
    return Effect.NONE if key[0] in ("description", "title") else Effect.REFUSED


def _text(element: Element | None) -> str:
    return "" if element is None else serialise(copy.deepcopy(element))


def _short(element: Element | None) -> str:
    """A few words for a message: the text, else the first telling attribute of the unit."""
    if element is None:
        return ""
    if len(element) == 0:
        words = [f"{k}={v}" for k, v in element.attrib.items() if k not in ("unit", "placement")]
        return " ".join([*([element.text.strip()] if element.text else []), *words]) or "present"
    return " ".join(
        f"{child.tag}:{'/'.join(child.attrib.values()) or (child.text or '').strip()}"
        for child in element
        if child.attrib or child.text
    )


def text_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Names in two mappings whose texts differ, sorted."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
