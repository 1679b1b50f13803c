"""Preflight of SR-IOV cards: what would make their virtual functions, or guests on them, fail."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.checks.row import Row
from guesthouse.facts.capacity import CapacityFact
from guesthouse.facts.sriov import CardFact, chosen
from guesthouse.placement import HostPlan, Plan

IOMMU = "switch the IOMMU on: VT-d or AMD-Vi in the firmware, intel_iommu=on on Intel's kernel line"


def rows(plan: Plan, item: HostPlan, fact: CapacityFact) -> Iterator[Row]:
    """Of all physical functions of one host."""
    taken: dict[str, str] = {}
    for name, function in item.host.physical_functions.items():
        path = f"hosts.{item.name}.physical_functions.{name}"
        wanted = ", ".join(f"{key} {value}" for key, value in function.select.items())
        found = chosen(fact.cards, function.select)
        seen = ", ".join(card.nic for card in found) or "none"
        able = ", ".join(f"{c.nic} ({c.pci_address})" for c in fact.cards if c.total) or "none"
        remedy = f"choose one of those that have SR-IOV: {able}"
        yield Row(path, "host has this card, once", len(found) == 1, seen, wanted, remedy)
        if len(found) != 1:
            continue
        card = found[0]
        other = taken.setdefault(card.pci_address, name)
        what = "no other physical function is the same card"
        seen = "none" if other == name else f"'{other}' is {card.nic} too"
        yield Row(path, what, other == name, seen, "none", "keep one of the two")
        yield from _card(plan, item, name, card)
    if item.host.physical_functions:
        yield Row(
            f"hosts.{item.name}.physical_functions",
            "no other network manager takes the VFs",
            not fact.network_manager,
            "NetworkManager is active" if fact.network_manager else "none",
            "none",
            "have it leave them alone: unmanaged-devices=driver:igbvf;driver:iavf;... in its file",
            "warning",
        )


def _card(plan: Plan, item: HostPlan, name: str, card: CardFact) -> Iterator[Row]:
    path = f"hosts.{item.name}.physical_functions.{name}"
    function = item.host.physical_functions[name]
    count, total = function.virtual_functions, card.total
    seen = f"{total} at most" if total else f"{card.nic} has no SR-IOV"
    remedy = "declare fewer" if total else "switch it on in firmware and card, or choose another"
    where = f"{path}.virtual_functions"
    yield Row(where, "card can have so many VFs", count <= total, seen, str(count), remedy)
    given = any((n.host, n.physical_function) == (item.name, name) for n in plan.vf_networks)
    if given and count:
        ok, seen = (
            bool(card.iommu_group),
            f"group {card.iommu_group}" if card.iommu_group else "none",
        )
        yield Row(path, "card has an IOMMU group, for guests", ok, seen, "a group", IOMMU)
    for bridge, declared in item.host.bridges.items():
        if declared.nic in card.names and count:
            what = "bridge is not on a card with VFs"
            here = f"hosts.{item.name}.bridges.{bridge}.nic"
            remedy = "use another NIC: many cards hand frames for other MACs to no bridge then"
            yield Row(here, what, False, f"{declared.nic} is one", "another", remedy, "warning")
