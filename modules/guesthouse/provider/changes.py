"""What an update of a guest would change, and whether it may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guesthouse.effects import (
    Change,
    Effect,
    Room,
    disk_changes,
    domain_changes,
    refused,
    worst,
)
from guesthouse.errors import Problem, RefusedError
from guesthouse.provider import cloud_init
from guesthouse.provider.resource import Values


def changes(state: Values, inputs: Values) -> list[Change]:
    """Everything that leads from ``state`` (as read) to ``inputs``, in the user's words."""
    limits = state.get("room") or None
    room = Room.of_values(limits) if limits else None
    names = {nic["mac"].lower(): nic["name"] for nic in (*state["nics"], *inputs["nics"])}
    running = state.get("running_xml") or None
    return [
        *domain_changes(state["domain_xml"], inputs["domain_xml"], room, running, names),
        *disk_changes(
            state["disks"], inputs["disks"], state["declared"]["disks"], room is not None
        ),
        *cloud_init.changes(state, inputs),
        *_power(state, inputs),
        *_keep_aside(state, inputs),
    ]


def _power(state: Values, inputs: Values) -> list[Change]:
    found = []
    if state["power"] != inputs["power"]:
        # Who is in it feels a stop as he feels a restart.
        down = inputs["power"] == "stopped" and state["power"] != "crashed"
        effect = Effect.RESTART if down else Effect.LIVE
        found.append(Change("power", state["power"], inputs["power"], effect))
    if state["autostart"] != inputs["autostart"]:
        words = [("on" if v["autostart"] else "off") for v in (state, inputs)]
        found.append(Change("autostart", words[0], words[1], Effect.LIVE_PERSIST))
    return found


def _keep_aside(state: Values, inputs: Values) -> list[Change]:
    old, new = (int(values["keep_aside_days"]) for values in (state, inputs))
    why = "holds for what was set aside before, too"
    name = "keep_aside_days"
    return [] if old == new else [Change(name, str(old), str(new), Effect.NONE, why=why)]


def summary(name: str, found: Sequence[Change]) -> str:
    """One line for people: ``web: memory 512 -> 768 MiB (live), machine q35 -> pc (restart)``."""
    return f"{name}: {', '.join(str(change) for change in worst(found))}"


def refuse(inputs: Values, found: Sequence[Change]) -> None:
    """Raise RefusedError with every change that the guest's permissions do not cover."""
    name = str(inputs["name"])
    problems = [
        Problem(
            f"guest {name}",
            f"{change} is not allowed",
            hint=f"permit it: guests.{name}.allow: [{change.effect.value}]",
        )
        for change in refused(found, inputs["allow"])
    ]
    if problems:
        raise RefusedError(*problems)


def is_cold(found: Sequence[Change]) -> bool:
    """Whether the guest has to be off for one of these changes. A disk that goes for good does not:
    it is unplugged."""
    return any(
        change.effect.rank >= Effect.RESTART.rank
        and not (change.effect is Effect.DESTROYS_DATA and not change.new)
        for change in found
    )


def told(found: Sequence[Change]) -> list[dict[str, Any]]:
    """For machines: the output ``changes`` of a preview."""
    return [change.told() for change in worst(found)]
