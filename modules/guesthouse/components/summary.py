"""A preview's last line about guests: how many change, and which of them feel it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# From worst to harmless, with the words for guests whose worst change it is.
_WORDS = {
    "destroys_data": "lose data",
    "replace": "are replaced",
    "migrate": "move",
    "restart": "restart",
    "link_loss": "lose their link",
    "live+persist": "change live",
    "live": "change live",
    "none": "do not feel it",
}
_SHOWN = 20


def summary(changes: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """One line from each guest's ``changes`` (the output of a preview); "" when nothing changes.

    Guests that feel their change by more than a live one are named.
    """
    ranks = list(_WORDS)
    groups: dict[str, list[str]] = {}
    for guest, told in changes.items():
        if told:
            worst = min((change["effect"] for change in told), key=ranks.index)
            groups.setdefault(_WORDS[worst], []).append(guest)
    named = {_WORDS[effect] for effect in ranks[:5]}
    parts = [
        f"{len(groups[words])} {words}" + (f" ({_names(groups[words])})" if words in named else "")
        for words in dict.fromkeys(_WORDS.values())
        if words in groups
    ]
    return f"guests that change: {'; '.join(parts)}" if parts else ""


def _names(guests: Sequence[str]) -> str:
    more = len(guests) - _SHOWN
    return ", ".join(guests[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
