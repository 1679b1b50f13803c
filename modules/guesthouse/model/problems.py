"""Problems of a site, in words for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from guesthouse.errors import Problem

Path = tuple[str, ...]
_LONGEST_LIST = 12


def problem(
    path: Path, what: str, got: object = None, allowed: str = "", hint: str = "", rule: str = ""
) -> Problem:
    """A problem at a path in the site; ``got`` is shown quoted."""
    shown = "" if got is None else repr(got)
    return Problem(".".join(path), what, shown, allowed, hint, path, rule)


def ruled(rule: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """``problems`` as ones of the kind ``rule``, unless they say their own."""
    for found in problems:
        yield found if found.rule else replace(found, rule=rule)


def quoted(names: Collection[str]) -> str:
    """Names for people, not too many."""
    first = ", ".join(f"'{name}'" for name in sorted(names)[:_LONGEST_LIST])
    more = len(names) - _LONGEST_LIST
    return f"{first} and {more} more" if more > 0 else first or "none"
