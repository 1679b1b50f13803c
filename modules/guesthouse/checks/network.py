"""Checks of networks: libvirt's own ones, and bridges that somebody else made."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, equal, need, repair
from guesthouse.checks.host import reach_id
from guesthouse.checks.storage import libvirt_id
from guesthouse.facts.network import NetworkFact
from guesthouse.placement import NetworkPlan, Plan

Needs = tuple[str, ...]


def checks(plan: Plan, network: NetworkPlan) -> Iterator[Check]:
    """Every check of one network on one host."""
    remedy = repair(plan)
    if network.existing:
        remedy = "it is declared as existing: make or start it on the host"
    needs = (libvirt_id(network.host),)
    ground = Ground(network.host, f"networks.{network.name}", remedy, needs)

    def fact(facts: SiteFacts) -> NetworkFact | None:
        found = need(facts.host(network.host).hypervisor).networks.get(network.name)
        return need(found) if found else None

    def there(facts: SiteFacts) -> Seen:
        return equal(True, fact(facts) is not None)

    def attribute(
        path: str, what: str, wanted: object, name: str, aspect: str = "", needs: Needs = ("",)
    ) -> Check:
        def look(facts: SiteFacts) -> Seen:
            return equal(wanted, getattr(fact(facts), name))

        return ground.check(
            path, what, wanted, look, aspect=aspect, needs=tuple(map(ground.id, needs))
        )

    yield ground.check("", "network is defined", True, there)
    yield attribute("kind", "network has its kind", network.kind, "kind")
    addresses = (network.address,)
    yield attribute("subnet", "host has the subnet's first address", addresses, "addresses")
    yield attribute("dhcp", "libvirt hands out addresses", network.dhcp, "dhcp")
    yield attribute("", "network is active", True, "active", "active")
    if network.dhcp and not network.existing:
        ends = (f"{network.dhcp_start}-{network.dhcp_end}",)
        yield attribute("dhcp_range", "they are of its range", ends, "dhcp_ranges", needs=("dhcp",))
    if not network.existing:
        yield attribute("", "network starts at boot", True, "autostart", "autostart")
        yield attribute("", "network has its bridge", network.bridge, "bridge", "bridge")


def used_bridges(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """(host, network, bridge) of bridges that guests use and that no host declares."""
    found = {
        (guest.host, nic.network, nic.bridge): None
        for guest in plan.guests.values()
        for nic in guest.nics
        if nic.bridge and nic.bridge not in plan.hosts[guest.host].host.bridges
    }
    yield from found


def bridge_check(host: str, network: str, bridge: str) -> Check:
    """An existing bridge is there and up."""

    def look(facts: SiteFacts) -> Seen:
        found = need(facts.host(host).bridges).get(bridge)
        state = "no such bridge" if found is None else "up" if found.up else "down"
        return Seen(state == "up", state)

    remedy = "it is declared as existing: make it on the host"
    ground = Ground(host, f"networks.{network}", remedy, (reach_id(host),))
    return ground.check("bridge", f"bridge {bridge} is there and up", "up", look)
