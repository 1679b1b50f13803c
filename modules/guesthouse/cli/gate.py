"""`guesthouse preview --fail-on EFFECT`: what the changes of a preview cost, held to a limit.

The provider tells the cost of what it would change. What the engine would delete it asks no
provider about, so that is read from the engine's event log, as Pulumi's Automation API does
(https://www.pulumi.com/docs/iac/automation-api/).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from guesthouse.errors import Problem, RefusedError

Json = Mapping[str, Any]

REPORT_FILE = "GUESTHOUSE_REPORT_FILE"


class Limit(StrEnum):
    """What a change costs, from harmless to worst."""

    NONE = "none"
    LIVE = "live"
    LINK_LOSS = "link_loss"
    RESTART = "restart"
    MIGRATE = "migrate"
    REPLACE = "replace"
    DESTROYS_DATA = "destroys_data"

    @property
    def rank(self) -> int:
        """0 for harmless, more for worse."""
        return list(Limit).index(self)


@dataclass(frozen=True)
class Cost:
    """One change of one resource (``Guest web``), in words, and what it costs."""

    resource: str
    what: str
    effect: Limit


# What goes with a resource that is deleted; what is in no row may hold anything.
_DELETED = {
    "guesthouse:index:Guest": Limit.DESTROYS_DATA,
    "guesthouse:index:Host": Limit.LINK_LOSS,
    "guesthouse:index:Image": Limit.LIVE,
    "guesthouse:index:Network": Limit.LINK_LOSS,
    "guesthouse:index:PhysicalFunction": Limit.LINK_LOSS,
    "guesthouse:index:VfNetwork": Limit.LINK_LOSS,
    # A pool is stopped and forgotten, its folder stays.
    "libvirt:index/pool:Pool": Limit.LIVE,
    "guesthouse:site:Site": Limit.NONE,
    "pulumi:pulumi:Stack": Limit.NONE,
}
# Of a host, the provider tells what its bridges cost, of the others all.
_TOLD_OF_HOSTS = frozenset({"bridges"})
_DELETES = frozenset({"delete", "delete-replaced"})


def held(limit: Limit, run: Callable[[list[str], dict[str, str]], None]) -> None:
    """Let ``run`` preview, with more arguments and environment; raise RefusedError afterwards with
    every change that costs ``limit`` or more."""
    with tempfile.TemporaryDirectory(prefix="guesthouse-gate-") as folder:
        report, events = Path(folder, "report"), Path(folder, "events")
        # The engine has the flag for its event log in this mode only.
        env = {REPORT_FILE: str(report), "PULUMI_DEBUG_COMMANDS": "true"}
        run(["--event-log", str(events)], env)
        found = costs(_lines(report), _lines(events))
    refuse(limit, found)


def refuse(limit: Limit, found: list[Cost]) -> None:
    """Raise RefusedError with what costs ``limit`` or more."""
    dear = [cost for cost in found if cost.effect.rank >= limit.rank]
    if dear:
        what = f"is not let through by --fail-on {limit}"
        raise RefusedError(*(Problem(cost.resource, f"{cost.what} {what}") for cost in dear))


def costs(report: list[Json], events: list[Json]) -> list[Cost]:
    """Everything that a preview changes of what exists. Making something new costs nothing.
    Worst first."""
    told = {str(line["urn"]): line["changes"] for line in report if line.get("changes")}
    found = [_told(urn, change) for urn, changes in told.items() for change in changes]
    for event in events:
        step = event.get("resourcePreEvent", {}).get("metadata", {})
        if step.get("op") in _DELETES:
            found.append(_deleted(step))
        elif step.get("op") == "update":
            found.extend(_untold(step, step["urn"] in told))
    return sorted(found, key=lambda cost: (-cost.effect.rank, cost.resource))


def _told(urn: str, change: Mapping[str, str]) -> Cost:
    from guesthouse.effects import Change, Effect

    effect = Effect(change["effect"])
    said = Change(change["what"], change["old"], change["new"], effect, why=change["why"])
    return Cost(_resource(urn), str(said), Limit(effect.word))


def _deleted(step: Json) -> Cost:
    kind = _kind(step["urn"])
    # Providers of the engine are connections.
    harmless = Limit.NONE if kind.startswith("pulumi:providers:") else Limit.DESTROYS_DATA
    effect = _DELETED.get(kind, harmless)
    return Cost(_resource(step["urn"]), f"deleted ({effect})", effect)


def _untold(step: Json, told: bool) -> Iterator[Cost]:
    """What changes of a resource and is in no told change."""
    changed = set(step.get("diffs") or ()) - {"connection"}
    if told and _kind(step["urn"]) == "guesthouse:index:Host":
        changed -= _TOLD_OF_HOSTS
    elif told:
        return
    effect = Limit.LIVE if changed else Limit.NONE
    if changed or not told:
        what = ", ".join(sorted(changed)) or "connection"
        yield Cost(_resource(step["urn"]), f"{what} changed ({effect})", effect)


def _kind(urn: str) -> str:
    """The type in ``urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME``."""
    return str(urn).split("::", 3)[2].rsplit("$", 1)[-1]


def _resource(urn: str) -> str:
    """For people: ``Guest web``."""
    return f"{_kind(urn).rsplit(':', 1)[-1]} {str(urn).split('::', 3)[3]}"


def _lines(file: Path) -> list[Json]:
    """The JSON lines of a file that may not have been written at all."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines()]
