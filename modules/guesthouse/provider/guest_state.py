"""What the state keeps of a guest."""

from __future__ import annotations

from typing import Any

import libvirt

from guesthouse.effects import room, running_document
from guesthouse.provider import domain
from guesthouse.provider.resource import Values
from guesthouse.provider.waiting import Evidence

COMPARED = ("domain_xml", "power", "autostart", "disks", "seed", "secrets")


def state(
    made: libvirt.virDomain,
    inputs: Values,
    token: str,
    evidence: Evidence,
    seen: Values | None = None,
) -> dict[str, Any]:
    """A guest that is not to answer keeps what it told when it was ``seen``."""
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
        **running(document, document, domain.descriptions(made)[1]),
    }


def running(document_declared: str, document: str, live: str | None) -> dict[str, Any]:
    """What the state keeps of the running guest: its limits, and its document where it differs."""
    if live is None:
        return {"room": {}, "running_xml": ""}
    told = running_document(document_declared, live)
    return {"room": room(live).values(), "running_xml": "" if told == document else told}


def declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in COMPARED if name != "secrets"}
