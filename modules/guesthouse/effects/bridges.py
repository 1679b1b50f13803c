"""A host's bridges before and after: what the guests on them feel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guesthouse.effects.change import Change, Effect

Bridges = Mapping[str, Mapping[str, Any]]

# The bridge and the guests' taps on it stay; only its member towards the wire is another one.
_WHY = {
    "vlan": "guests keep their link, traffic of the old VLAN ends",
    "nic": "guests keep their link, traffic of the old NIC ends",
    "address": "guests keep their link",
}


def bridge_changes(old: Bridges, new: Bridges) -> list[Change]:
    """What changes on bridges that are there before and after; ``vlan`` 0 or missing: untagged."""
    found = []
    for name in new:
        if name not in old:
            continue
        for field, why in _WHY.items():
            one, other = old[name].get(field) or "", new[name].get(field) or ""
            if one != other:
                what = f"bridge {name} {field}"
                found.append(Change(what, str(one), str(other), Effect.LIVE_PERSIST, why=why))
    return found
