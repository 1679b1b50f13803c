"""What the state keeps of a guest."""

from __future__ import annotations

from typing import Any

import libvirt

from guesthouse.effects import room, running_document, seen_document
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain, guest_disks
from guesthouse.provider.resource import Values
from guesthouse.provider.waiting import Evidence, look_addresses

COMPARED = ("domain_xml", "power", "autostart", "disks", "seed", "secrets")


def state(
    inputs: Values,
    token: str,
    evidence: Evidence,
    live: str | None,
    seen: Values | None = None,
) -> dict[str, Any]:
    """``live`` is its running XML. A guest that is not to answer keeps what it told when it was
    ``seen``."""
    told = {"addresses": evidence.addresses, "ssh_host_keys": evidence.ssh_host_keys}
    if inputs["power"] != "running" and seen is not None:
        told = {name: seen[name] for name in told}
    document = str(inputs["domain_xml"])
    return {
        **inputs,
        "declared": declared(inputs),
        "instance_id": inputs.get("instance_id") or inputs["uuid"],
        "token": token,
        **told,
        **running(document, document, live),
    }


def running(document_declared: str, document: str, live: str | None) -> dict[str, Any]:
    """What the state keeps of the running guest: its limits, and its document where it differs."""
    if live is None:
        return {"room": {}, "running_xml": ""}
    told = running_document(document_declared, live)
    return {"room": room(live).values(), "running_xml": "" if told == document else told}


def declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in COMPARED if name != "secrets"}


def seen(
    host: HostConnection, found: libvirt.virDomain, state: Values, disks: bool = True
) -> dict[str, Any]:
    """The state as the machine has it; without ``disks``, volumes are taken to be there."""
    now, inactive = domain.power(found), domain.stored(found)
    live = domain.running(found, now)
    declared = state["declared"]
    agent = live is not None and not host.is_test and guest_agent.ping(found)
    addresses = look_addresses(found, state, agent) if live and not host.is_test else {}
    document = seen_document(declared["domain_xml"], inactive, live)
    return {
        **state,
        "domain_xml": document,
        "power": now,
        "autostart": bool(found.autostart()),
        **(guest_disks.look(host, declared) if disks else {}),
        "token": domain.token(inactive),
        # A guest that is quiet for a moment has not lost its addresses.
        "addresses": {**state["addresses"], **addresses},
        **running(declared["domain_xml"], document, live),
    }
