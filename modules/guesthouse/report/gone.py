"""What a preview that ended early had no time to say: what goes away."""

from __future__ import annotations

from collections.abc import Iterable

from guesthouse.placement import Plan, both_names
from guesthouse.report.events import Events, Step, Values, kind_of


def add_gone(events: Events, resources: Iterable[Values], plan: Plan) -> None:
    """Add the deletion of all that the state has and the plan has not.

    The engine looks for it last, and not at all after a refusal.
    """
    declared = _declared(plan)
    for resource in resources:
        urn, kind = str(resource["urn"]), kind_of(str(resource["type"]))
        if not kind or kind == "image" or urn in events.steps:
            continue
        values = {**resource["inputs"], **resource["outputs"]}
        if (kind, urn.rsplit("::", 1)[-1]) not in declared:
            events.steps[urn] = Step(urn, kind, "deleted", old=values)


def _declared(plan: Plan) -> set[tuple[str, str]]:
    """(kind, name of the resource) of everything declared, but for images."""
    found = {("guest", name) for name in plan.guests}
    for name, host in plan.hosts.items():
        found.add(("host", name))
        for key in host.host.physical_functions:
            found |= _named("physical function", name, key)
    for network in plan.networks:
        if not network.existing:
            found |= _named("network", network.host, network.name)
    for vf_network in plan.vf_networks:
        found |= _named("network", vf_network.host, vf_network.name)
    for pool in plan.pools:
        if not pool.existing:
            found |= _named("pool", pool.host, pool.name)
    return found


def _named(kind: str, *parts: str) -> set[tuple[str, str]]:
    return {(kind, name) for name in both_names(*parts)}
