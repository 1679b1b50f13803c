"""A guest brought to its declared power state: running, paused or stopped."""

from __future__ import annotations

import libvirt

from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain
from guesthouse.provider.resource import Call, Values
from guesthouse.provider.waiting import Evidence, wait_for_guest


def bring(
    call: Call, host: HostConnection, made: libvirt.virDomain, inputs: Values
) -> tuple[Evidence, str]:
    """Start, pause or resume a guest; a running one is awaited: (what it told, why it is not
    ready or ""). One that is to be stopped was shut down before, and stays off."""
    name, wanted, now = str(inputs["name"]), inputs["power"], domain.power(made)
    if now == "crashed":
        # Preserved for somebody to look at; what is left of it does not run again.
        made.destroy()
        now = "stopped"
    if wanted == "stopped":
        return Evidence(), ""
    if now == "stopped":
        call.say(f"{name}: defined, waiting for its turn to boot")
    with host.boots:
        if now == "stopped":
            call.say(f"{name}: booting")
            domain.start(made, name, paused=wanted == "paused")
        if wanted == "paused":
            if domain.power(made) == "running":
                made.suspend()
            return Evidence(), ""
        if now == "paused":
            made.resume()
        return (Evidence(), "") if host.is_test else wait_for_guest(host, made, inputs, call.say)
