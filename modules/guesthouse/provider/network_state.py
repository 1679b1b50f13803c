"""What the host has of a network, in the words of its inputs, and what leads to the wanted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import libvirt

from guesthouse.effects import Change, Effect, network_changes, seen_network
from guesthouse.effects.units import parse
from guesthouse.machine.connections import HostConnection
from guesthouse.provider.changes import told
from guesthouse.provider.resource import Values

COMPARED = ("network_xml", "active", "autostart")


def find(host: HostConnection, values: Values) -> libvirt.virNetwork | None:
    try:
        return host.libvirt.networkLookupByName(str(values["name"]))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_NETWORK:
            return None
        raise


def stored(host: HostConnection, network: libvirt.virNetwork) -> str:
    """The persistent definition; the test driver has one only."""
    return str(network.XMLDesc(0 if host.is_test else libvirt.VIR_NETWORK_XML_INACTIVE))


def running(network: libvirt.virNetwork, document: str) -> str:
    """The running definition in the words of ``document``; empty when the network is stopped."""
    return seen_network(document, network.XMLDesc(0)) if network.isActive() else ""


def seen(host: HostConnection, network: libvirt.virNetwork, document: str) -> dict[str, Any]:
    """What the host has. Where the running and the stored definition differ, the one that is not
    as declared is shown."""
    live = running(network, document)
    shown = live if live and live != document else seen_network(document, stored(host, network))
    return {
        "network_xml": shown,
        "running_xml": live if live != shown else "",
        "active": bool(network.isActive()),
        "autostart": bool(network.autostart()),
    }


def state(inputs: Values, token: str) -> dict[str, Any]:
    return {**inputs, "token": token, "running_xml": "", **outputs(inputs, [])}


def outputs(inputs: Values, found: Sequence[Change]) -> dict[str, Any]:
    declared = {name: inputs[name] for name in COMPARED}
    return {"declared": declared, "changes": told(found)}


def changes(state: Values, inputs: Values) -> list[Change]:
    """Everything that leads from ``state`` (as read) to ``inputs``, in the user's words."""
    wanted = str(inputs["network_xml"])
    found = network_changes(state["network_xml"], wanted)
    live = state.get("running_xml") or state["network_xml"]
    if not (state["active"] and loses_links(live, wanted)):
        # Only what is stored changes.
        found = [_without_loss(change) for change in found]
    if not state["active"]:
        found.append(Change("active", "no", "yes", Effect.LIVE))
    if state["autostart"] != inputs["autostart"]:
        words = [("on" if v["autostart"] else "off") for v in (state, inputs)]
        found.append(Change("autostart", words[0], words[1], Effect.LIVE_PERSIST))
    return found


def loses_links(running: str, wanted: str) -> bool:
    """Must a running network be bounced to become as wanted?"""
    return any(c.effect is Effect.LINK_LOSS for c in network_changes(running, wanted))


def _without_loss(change: Change) -> Change:
    lost = change.effect is Effect.LINK_LOSS
    return replace(change, effect=Effect.LIVE_PERSIST) if lost else change


def with_losers(found: Sequence[Change], losers: Sequence[str]) -> list[Change]:
    """Name the guests that lose their link; where there are none, none is lost."""
    if not losers:
        return [_without_loss(change) for change in found]
    why = f"running guests lose their link for a moment: {', '.join(losers)}"
    return [replace(c, why=why) if c.effect is Effect.LINK_LOSS else c for c in found]


def title(inputs: Values) -> str:
    return f"network {inputs['name']} on {inputs['connection']['name']}"


def bridge(xml: str) -> str:
    found = parse(xml).find("bridge")
    return "" if found is None else str(found.get("name", ""))
