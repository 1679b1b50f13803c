"""Saving what is sound in values of a bad shape, so that the rules can look at the rest.

A bad value is replaced by a stand-in about which no rule has anything to say, or taken out, alone
or with the smallest thing that cannot be without it. The names of what was taken out stay known.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from guesthouse.errors import Problem
from guesthouse.model import shape
from guesthouse.model.site import Site

_ANY = "*"
_UNKNOWN = "unknown"
_DISK = {"pool": _UNKNOWN, "image": _UNKNOWN, "size_gib": "1"}
_HOST_KEY = "ssh-ed25519 AAAA"
_FUNCTION = {"alias": _UNKNOWN, "virtual_functions": "1024"}
_HOST = {"address": _UNKNOWN, "host_keys": [_HOST_KEY]}

# Bad or missing values that something else would be missed for: what stands in.
_STAND_INS: dict[tuple[str, ...], Any] = {
    ("site",): _UNKNOWN,
    ("hosts",): {_UNKNOWN: _HOST},
    ("hosts", _ANY, "host_keys", _ANY): _HOST_KEY,
    ("hosts", _ANY, "bridges", _ANY): {},
    ("hosts", _ANY, "physical_functions", _ANY): _FUNCTION,
    ("hosts", _ANY, "physical_functions", _ANY, "virtual_functions"): "1024",
    ("hosts", _ANY, "physical_functions", _ANY, "nic"): _UNKNOWN,
    ("hosts", _ANY, "physical_functions", _ANY, "pci_address"): "0000:00:00.0",
    ("hosts", _ANY, "physical_functions", _ANY, "driver"): _UNKNOWN,
    ("hosts", _ANY, "physical_functions", _ANY, "device"): "0000:0000",
    ("hosts", _ANY, "physical_functions", _ANY, "alias"): _UNKNOWN,
    ("guests", _ANY, "host"): _UNKNOWN,
    ("guests", _ANY, "memory_mib"): "32",
    ("guests", _ANY, "disks"): {_UNKNOWN: _DISK},
    ("guests", _ANY, "disks", _ANY): _DISK,
    ("guests", _ANY, "disks", _ANY, "pool"): _UNKNOWN,
    ("guests", _ANY, "disks", _ANY, "image"): _UNKNOWN,
    ("guests", _ANY, "disks", _ANY, "size_gib"): "1",
    ("guests", _ANY, "nics", _ANY, "network"): _UNKNOWN,
}
# Without these, what is left of the host would be judged wrongly: it goes as a whole.
_ESSENTIAL = (("bridges",), ("physical_functions",), ("libvirt_uri",))
_PASSES = 8


@dataclass(frozen=True)
class Salvaged:
    """What could be saved. ``known`` are the names that may be referred to, by kind.

    A kind that is not in ``known`` could not be read: any name may be meant. ``known`` is None
    when nothing was wrong. ``stand_ins`` are the paths where a stand-in was put.
    """

    site: Site | None
    problems: tuple[Problem, ...] = ()
    known: Mapping[str, Collection[str]] | None = None
    stand_ins: frozenset[tuple[str, ...]] = frozenset()


def salvage(values: Any) -> Salvaged:
    """A Site from plain values, with every problem of shape, and without what has one."""
    try:
        return Salvaged(Site.model_validate(values))
    except ValidationError as error:
        problems = tuple(shape.problems(error, Site))
        details = error.errors(include_url=False)
    if not isinstance(values, dict):
        return Salvaged(None, problems)
    known = _known(values)
    values = copy.deepcopy(values)
    stand_ins: set[tuple[str, ...]] = set()
    for _ in range(_PASSES):
        # From the last to the first, so that list positions stay right.
        for detail in reversed(details):
            _mend(values, detail, stand_ins)
        try:
            site = Site.model_validate(values)
            return Salvaged(site, problems, known, frozenset(stand_ins))
        except ValidationError as error:
            details = error.errors(include_url=False)
    return Salvaged(None, problems, known)


def _known(values: dict[str, Any]) -> dict[str, Collection[str]]:
    kinds = {kind: values.get(kind, {}) for kind in ("pools", "images", "networks", "devices")}
    kinds["hosts"] = values.get("hosts")
    return {kind: set(names) for kind, names in kinds.items() if isinstance(names, dict)}


def _mend(values: dict[str, Any], detail: ErrorDetails, stand_ins: set[tuple[str, ...]]) -> None:
    path = shape.yaml_path(detail)
    whole = path[:1] in (("pools",), ("networks",), ("devices",)) or path[2:] in _ESSENTIAL
    if detail["type"] == "extra_forbidden":
        _rename(values, path, shape.meant_key(detail, Site))
    elif whole or detail["loc"][-1:] == ("[key]",):
        _remove(values, path[:2] if whole else path)
    elif detail["type"] == "missing" and _at(values, path) is not None:
        return  # it was there under a misspelled name
    elif _replace(values, path):
        stand_ins.add(path)
    else:
        # What misses something that nothing can stand in for goes as a whole.
        _remove(values, path[:-1] if detail["type"] == "missing" else path)


def _rename(values: dict[str, Any], path: tuple[str, ...], meant: str) -> None:
    """An unknown key is read as the one that was meant, if that one is free."""
    mapping = _at(values, path[:-1])
    if isinstance(mapping, dict) and path[-1] in mapping:
        value = mapping.pop(path[-1])
        if meant:
            mapping.setdefault(meant, value)


def _replace(values: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Put in the stand-in for ``path``, if there is one."""
    stand_in = next((value for pattern, value in _STAND_INS.items() if _fits(pattern, path)), None)
    parent = _at(values, path[:-1])
    if stand_in is None:
        return False
    if isinstance(parent, dict):
        parent[path[-1]] = copy.deepcopy(stand_in)
    elif isinstance(parent, list) and (index := _index(parent, path[-1])) is not None:
        parent[index] = copy.deepcopy(stand_in)
    return True


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(
        want in (_ANY, part) for want, part in zip(pattern, path, strict=True)
    )


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if isinstance(values, dict):
            values = values.get(part)
        elif isinstance(values, list) and (index := _index(values, part)) is not None:
            values = values[index]
        else:
            return None
    return values


def _index(values: list[Any], part: str) -> int | None:
    """The position that a part of a path names, None when it names none of ``values``."""
    return int(part) if part.isdecimal() and int(part) < len(values) else None


def _remove(values: dict[str, Any], path: tuple[str, ...]) -> None:
    parent = _at(values, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif isinstance(parent, list) and (index := _index(parent, path[-1])) is not None:
        del parent[index]
