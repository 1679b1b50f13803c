"""What we keep on a host before and after: files, packages, services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.effects.change import CHANGED, THERE, Change, Effect

Values = Mapping[str, Any]

_STAYS = "it stays as it is"


def host_changes(old: Values, new: Values) -> list[Change]:
    """``files``, ``packages`` and ``services`` of both, as a Host has them.

    None of them is the guests' affair: what is written, installed or started is so at once.
    """
    return [*_files(old["files"], new["files"]), *_packages(old, new), *_services(old, new)]


def _files(old: Values, new: Values) -> Iterator[Change]:
    for path in sorted({*old, *new}):
        what = f"file {path}"
        if path not in new:
            yield Change(what, THERE, "", Effect.LIVE_PERSIST)
        elif path not in old:
            yield Change(what, "", THERE, Effect.LIVE_PERSIST)
        elif old[path] != new[path]:
            yield Change(what, THERE, CHANGED, Effect.LIVE_PERSIST)


def _packages(old: Values, new: Values) -> Iterator[Change]:
    for name in sorted({*old["packages"]} ^ {*new["packages"]}):
        if name in new["packages"]:
            yield Change(f"package {name}", "", THERE, Effect.LIVE_PERSIST)
        else:
            yield Change(f"package {name}", "declared", "", Effect.NONE, why=_STAYS)


def _services(old: Values, new: Values) -> Iterator[Change]:
    before, after = old["services"], new["services"]
    for name in sorted({*before, *after}):
        if name not in after:
            yield Change(f"service {name}", _words(before[name]), "", Effect.NONE, why=_STAYS)
        elif name not in before or before[name] != after[name]:
            was = _words(before[name]) if name in before else ""
            yield Change(f"service {name}", was, _words(after[name]), Effect.LIVE_PERSIST)


def _words(service: Values) -> str:
    enabled = "enabled" if service["enabled"] else "disabled"
    return f"{enabled}, {'running' if service['running'] else 'stopped'}"
