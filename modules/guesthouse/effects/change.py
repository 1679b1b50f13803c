"""What a change costs, and one change of something that exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from guesthouse.effects.units import Key


class Effect(Enum):
    """What a change costs, from harmless to worst."""

    NONE = "none"
    LIVE = "live"
    LIVE_PERSIST = "live+persist"
    LINK_LOSS = "link_loss"
    RESTART = "restart"
    MIGRATE = "migrate"
    REPLACE = "replace"
    DESTROYS_DATA = "destroys_data"

    @property
    def word(self) -> str:
        """For people: whether a live change is stored too is not their question."""
        return "live" if self is Effect.LIVE_PERSIST else self.value

    @property
    def rank(self) -> int:
        """0 for harmless, more for worse."""
        return list(Effect).index(self)


# In place of a value that says nothing to people: a device, or a text of many lines.
THERE = "there"
CHANGED = "changed"

# Done without asking; the others want the guest's (or the site's) permission.
FREE = frozenset({Effect.NONE, Effect.LIVE, Effect.LIVE_PERSIST})


@dataclass(frozen=True)
class Change:
    """One changed thing of a guest.

    ``what``, ``old`` and ``new`` are words for people (empty: not there). ``key`` is the unit of
    the domain document that it is in, ``path`` the place in the unit (as in the table of
    effects), ``why`` what forbids a cheaper way, if something does.
    """

    what: str
    old: str
    new: str
    effect: Effect
    key: Key = ()
    path: str = ""
    why: str = ""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.what} {_move(self.old, self.new)} ({self.effect.word}{why})"

    @property
    def takes_links(self) -> bool:
        """Whether somebody's link is lost for a moment."""
        return self.effect is Effect.LINK_LOSS

    def told(self) -> dict[str, str]:
        """For machines: the resource's output ``changes``."""
        return {
            "what": self.what,
            "old": self.old,
            "new": self.new,
            "effect": self.effect.value,
            "why": self.why,
        }


def _move(old: str, new: str) -> str:
    """``512 MiB``, ``768 MiB`` -> ``512 -> 768 MiB``."""
    if THERE in (old, new) and "" in (old, new):
        return "added" if new else "removed"
    if new == CHANGED:
        return new
    unit = new.partition(" ")[2]
    if unit and old.endswith(f" {unit}") and old[0].isdigit() and new[0].isdigit():
        old = old.removesuffix(f" {unit}")
    return f"{old or 'none'} -> {new or 'none'}"


def worst(changes: Iterable[Change]) -> list[Change]:
    """One change of each thing, its dearest: a disk goes from the domain, and its volume goes."""
    found: dict[tuple[str, Key], Change] = {}
    for change in changes:
        # One that goes at one place of the host and comes at another stays two.
        thing = change.what, change.key if change.key[1:2] == ("hostdev",) else ()
        if thing not in found or change.effect.rank > found[thing].effect.rank:
            found[thing] = change
    return list(found.values())


def refused(changes: Iterable[Change], allowed: Collection[str]) -> list[Change]:
    """Changes that need a permission which ``allowed`` (values of Effect) does not hold."""
    return [c for c in changes if c.effect not in FREE and c.effect.value not in allowed]
