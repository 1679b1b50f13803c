"""The invoke behind preflight: what each host can carry, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from guesthouse.facts.capacity import capacity
from guesthouse.facts.question import ask
from guesthouse.machine.connections import Connections


def host_capacities(connections: Connections, question: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of one host for ``{connection, paths, nics}``; raises UnreachableError."""
    host = connections.get(question["connection"])
    if host.is_test:
        host.libvirt.getHostname()
        return {}
    fact = ask(host.run, capacity(question["paths"], question["nics"]))
    values = asdict(fact)
    values["nics"] = sorted(values["nics"])
    return values
