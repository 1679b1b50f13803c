"""JSON that a machine tells, read into a narrow form."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

# ip(8) tells some 2 KB of each interface and virtual function.
LIMIT_CHARACTERS = 4 * 1024**2


def json_value(text: str) -> Any:
    """A JSON value; raises ValueError for what is none, too deep, too large or no Unicode."""
    if len(text) > LIMIT_CHARACTERS:
        raise ValueError(f"JSON of more than {LIMIT_CHARACTERS} characters")
    return from_json(text.encode(), allow_inf_nan=False)


def links(text: str) -> list[dict[str, Any]]:
    """The interfaces that ``ip -j`` tells; nothing is an empty list.

    ip(8) leaves an empty object for one that it was not asked for. Raises ValueError.
    """
    found = json_value(text) if text.strip() else []
    if not isinstance(found, list):
        raise ValueError("not a list of interfaces")
    for link in found:
        if not isinstance(link, dict) or not isinstance(link.get("ifname", ""), str):
            raise ValueError("not an interface with a name")
    return [link for link in found if link]
