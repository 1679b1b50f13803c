"""What the state keeps of a guest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libvirt

from guesthouse import told
from guesthouse.effects import Change, room, running_document, seen_document
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain, guest_disks, ownership, running_xml
from guesthouse.provider.resource import Values
from guesthouse.provider.waiting import Evidence, look_addresses

COMPARED = ("domain_xml", "power", "autostart", "disks", "seed", "secrets")


def state(
    inputs: Values,
    token: str,
    evidence: Evidence | None,
    live: str | None,
    seen: Values | None = None,
) -> dict[str, Any]:
    """``live`` is its running XML. A guest that is not to answer, or was not asked (``evidence``
    None), keeps what it told when it was ``seen``."""
    fresh = evidence or Evidence()
    known = {"addresses": fresh.addresses, "ssh_host_keys": fresh.ssh_host_keys}
    if (evidence is None or inputs["power"] != "running") and seen is not None:
        known = told_before(seen)
    document = str(inputs["domain_xml"])
    return {
        **inputs,
        "declared": declared(inputs),
        "instance_id": inputs.get("instance_id") or inputs["uuid"],
        "token": token,
        "asides": list((seen or {}).get("asides") or ()),
        **known,
        **running(document, document, live),
    }


def told_before(state: Values) -> dict[str, Any]:
    """What a guest has told, of a state that an older version may have written."""
    return {
        "addresses": told.addresses(state["addresses"]),
        "ssh_host_keys": told.host_keys(state["ssh_host_keys"]),
    }


def running(document_declared: str, document: str, live: str | None) -> dict[str, Any]:
    """What the state keeps of the running guest: its limits, and its document where it differs."""
    if live is None:
        return {"room": {}, "running_xml": ""}
    shown = running_document(document_declared, live)
    return {"room": room(live).values(), "running_xml": "" if shown == document else shown}


def has_answered(seen: Values, inputs: Values, todo: Sequence[Change]) -> bool:
    """Whether a running guest has told all that it is to tell: nothing has to be awaited."""
    if not seen["power"] == inputs["power"] == "running":
        return False
    if any(change.key[:2] == ("devices", "interface") for change in todo):
        return False
    return bool(seen["ssh_host_keys"] if inputs["login"] else any(seen["addresses"].values()))


def declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in COMPARED if name != "secrets"}


def record(host: HostConnection, inputs: Values, token: str, complete: bool) -> None:
    """Write the registry file of a guest: whose its volumes are."""
    items = tuple(f"{pool}/{volume}" for pool, volume in guest_disks.items(inputs))
    mark = ownership.mark_text(inputs["mark"])
    made = ownership.Record(mark, str(inputs["name"]), token, complete, items)
    ownership.write_record(host, str(inputs["uuid"]), made)


@dataclass(frozen=True)
class Sight:
    """A guest as it is: power state, stored XML, running XML (None when it is off), addresses by
    NIC name; ``volumes`` are the state's ``disks`` and ``seed``, where they were looked at."""

    power: str
    stored: str
    live: str | None
    autostart: bool
    addresses: Mapping[str, list[str]]
    volumes: Mapping[str, Any]


def look(
    host: HostConnection,
    found: libvirt.virDomain,
    state: Values,
    volumes: bool = True,
    addresses: bool = True,
) -> Sight:
    """Look at one guest now; without ``addresses`` the guest itself is not asked, and its memory
    is what its balloon has now."""
    now, stored = domain.power(found), domain.stored(found)
    live = running_xml.running(found, now)
    if live is not None and not addresses and not host.is_test:
        live = running_xml.with_balloon(found, live)
    ask = addresses and live is not None and not host.is_test
    return Sight(
        now,
        stored,
        live,
        bool(found.autostart()),
        look_addresses(found, state, guest_agent.ping(found)) if ask else {},
        guest_disks.look(host, state["declared"]) if volumes else {},
    )


def seen(state: Values, sight: Sight) -> dict[str, Any]:
    """The state as the machine has it."""
    declared, before = str(state["declared"]["domain_xml"]), told_before(state)
    document = seen_document(declared, sight.stored, sight.live)
    return {
        **state,
        "domain_xml": document,
        "power": sight.power,
        "autostart": sight.autostart,
        **sight.volumes,
        "token": domain.token(sight.stored),
        # A guest that is quiet for a moment has not lost its addresses.
        **before,
        "addresses": {**before["addresses"], **sight.addresses},
        **running(declared, document, sight.live),
    }
