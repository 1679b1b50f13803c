"""Problems of a site, in words for people."""

from __future__ import annotations

from collections.abc import Collection

from guesthouse.errors import Problem

Path = tuple[str, ...]
_LONGEST_LIST = 12


def problem(
    path: Path, what: str, got: object = None, allowed: str = "", hint: str = ""
) -> Problem:
    """A problem at a path in the site; ``got`` is shown quoted."""
    return Problem(".".join(path), what, "" if got is None else repr(got), allowed, hint, path)


def quoted(names: Collection[str]) -> str:
    """Names for people, not too many."""
    first = ", ".join(f"'{name}'" for name in sorted(names)[:_LONGEST_LIST])
    more = len(names) - _LONGEST_LIST
    return f"{first} and {more} more" if more > 0 else first or "none"
