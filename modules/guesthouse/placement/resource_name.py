"""Names of resources in a stack: one name for one object, whatever hyphens its parts have."""

from __future__ import annotations

from collections.abc import Iterable


def resource_name(*parts: str) -> str:
    """The parts joined by single hyphens; in all but the last, a hyphen is doubled.

    A `Name` neither begins nor ends with a hyphen, so where a part ends is always plain:
    host ``a`` with network ``b-c`` is ``a-b-c``, host ``a-b`` with network ``c`` is ``a--b-c``.
    """
    *first, last = parts
    return "-".join([*(part.replace("-", "--") for part in first), last])


def former_name(*parts: str) -> str:
    """What older states call the same resource."""
    return "-".join(parts)


def former_names(every: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Parts -> what older states call the object; ``every`` are the parts of all of one kind.

    Without those whose former name is a name of now: the state has that one under it, as a rule.
    """
    objects = {parts: former_name(*parts) for parts in every}
    names = {resource_name(*parts) for parts in objects}
    return {parts: former for parts, former in objects.items() if former not in names}


def both_names(*parts: str) -> frozenset[str]:
    """The name of now, and that of a state which no update has touched since."""
    return frozenset((resource_name(*parts), former_name(*parts)))
