"""What a rule is: of one resource, or of all that a stack registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered

# A broken mandatory rule fails the preview and stops an `up`; a broken advisory one is said.
Level = Literal["mandatory", "advisory"]


@dataclass(frozen=True)
class ResourceRule:
    """Holds for each resource of a ``kind``, before it is touched. ``says`` is for people."""

    name: str
    level: Level
    says: str
    kind: str
    check: Callable[[Registered], Iterator[Problem]]


@dataclass(frozen=True)
class StackRule:
    """Holds for what the resources say about each other, at the end of a preview."""

    name: str
    level: Level
    says: str
    check: Callable[[Sequence[Registered]], Iterator[Problem]]


def problem(path: tuple[str, ...], what: str, hint: str) -> Problem:
    """A broken rule at a place in the site."""
    return Problem(".".join(path), what, hint=hint, path=path)
