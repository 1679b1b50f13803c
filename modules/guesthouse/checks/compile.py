"""Plan -> checks: every declared attribute, each after the checks that it needs."""

from __future__ import annotations

from guesthouse.checks import (
    guest,
    host,
    inside,
    network,
    physical_function,
    storage,
    virtual_function,
)
from guesthouse.checks.check import Check
from guesthouse.placement import Plan


def checks(plan: Plan, deep: bool = False) -> tuple[Check, ...]:
    """All checks of a plan, hosts first. ``deep`` reads images whole and compares digests.

    A host of libvirt's test driver has no machine behind it: its one check says so.
    """
    real = {name: item for name, item in plan.hosts.items() if item.has_ssh}
    found = [host.test_driver(item) for name, item in plan.hosts.items() if name not in real]
    for name, item in real.items():
        found += host.checks(plan, item)
        found += physical_function.checks(plan, item)
        if name in hypervisors(plan):
            found.append(storage.libvirt_check(name))
    for pool in plan.pools:
        if pool.host in real:
            found += storage.pool_checks(plan, pool)
    for image in plan.images:
        if image.host in real:
            found += storage.image_checks(plan, image, deep)
    for net in plan.networks:
        if net.host in real:
            found += network.checks(plan, net)
    for pool_ in plan.vf_networks:
        if pool_.host in real:
            found += virtual_function.network_checks(plan, pool_)
    for host_name, name, bridge in network.used_bridges(plan):
        if host_name in real:
            found.append(network.bridge_check(host_name, name, bridge))
    guests = [item for item in plan.guests.values() if item.host in real]
    for item_ in guests:
        found += guest.checks(plan, item_)
    for item_ in guests:
        found += inside.checks(plan, item_)
    return tuple(found)


def hypervisors(plan: Plan) -> frozenset[str]:
    """Hosts where libvirt has something of ours."""
    things = {pool.host for pool in plan.pools} | {network.host for network in plan.networks}
    things |= {network.host for network in plan.vf_networks}
    return frozenset(things | {guest.host for guest in plan.guests.values()})
