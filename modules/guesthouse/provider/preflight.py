"""The invoke behind preflight: what each host can carry, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from guesthouse.errors import MachineError, Problem
from guesthouse.facts import sriov
from guesthouse.facts.capacity import capacity
from guesthouse.facts.question import Question, ask
from guesthouse.facts.together import NotAnswered, together
from guesthouse.machine.connections import Connections


def host_capacities(connections: Connections, question: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of one host for ``{connection, paths, nics, machines, cards}``.

    Raises UnreachableError.
    """
    host = connections.get(question["connection"])
    if host.is_test:
        host.libvirt.getHostname()
        return {}
    parts: dict[str, Question[Any]] = {
        "capacity": capacity(question["paths"], question["nics"], question["machines"]),
        "cards": sriov.cards(question["cards"]),
    }
    facts = ask(host.run, together(parts))
    for fact in facts.values():
        if isinstance(fact, NotAnswered):
            raise MachineError(Problem(f"host {host.name}", "does not tell", fact.reason))
    values = asdict(facts["capacity"])
    for name in ("nics", "machines", "domain_types"):
        values[name] = sorted(values[name])
    values["cards"] = [sriov.plain(card) for card in facts["cards"]]
    return values
