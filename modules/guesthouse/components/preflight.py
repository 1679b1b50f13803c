"""The program's first act: ask every host what it has, before anything is declared."""

from __future__ import annotations

from typing import Any

import pulumi

from guesthouse.components.inputs import connection
from guesthouse.placement import Plan


def host_facts(plan: Plan) -> dict[str, Any]:
    """What each host told, by name: plain values, or ``{"unreachable": reason}``.

    Hosts in maintenance are not asked.
    """
    questions = {}
    for name, host in plan.hosts.items():
        if host.has_ssh and not host.host.maintenance:
            nics = [bridge.nic for bridge in host.host.bridges.values() if bridge.nic]
            guests = [guest for guest in plan.guests.values() if guest.host == name]
            paths = [pool.path for pool in plan.pools if pool.host == name]
            questions[name] = {
                "connection": connection(host),
                "paths": paths,
                "nics": nics,
                "machines": sorted({g.machine for g in guests if g.is_machine_pinned}),
                "cards": bool(host.host.physical_functions),
            }
    if not questions:
        return {}
    answer = pulumi.runtime.invoke("guesthouse:index:preflight", {"hosts": questions})
    values = answer.value or {}
    return dict(values.get("hosts", {}))
