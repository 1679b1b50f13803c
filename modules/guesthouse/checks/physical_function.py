"""Checks of physical functions: the card, its virtual functions, and all that the host sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from guesthouse.checks.check import (
    Check,
    Ground,
    Seen,
    SiteFacts,
    Unanswered,
    equal,
    need,
    repair,
    words,
)
from guesthouse.checks.host import reach_id
from guesthouse.facts.sriov import CardFact, chosen
from guesthouse.placement import HostPlan, Plan

_WHAT = {
    "mac": "VF has this MAC",
    "vlan": "VF is in this VLAN",
    "qos": "VF's VLAN tag has this priority",
    "spoof_check": "VF's forged frames are dropped",
    "trust": "VF is trusted",
    "link_state": "VF's link state",
    "max_tx_mbps": "VF sends at most this",
    "min_tx_mbps": "VF is sure of this",
}


def checks(plan: Plan, item: HostPlan) -> Iterator[Check]:
    """Every check of one host's physical functions."""
    for name in item.host.physical_functions:
        base = f"hosts.{item.name}.physical_functions.{name}"
        ground = Ground(item.name, base, repair(plan), (reach_id(item.name),))
        yield from _function(ground, item, name)


def _function(ground: Ground, item: HostPlan, name: str) -> Iterator[Check]:
    function = item.host.physical_functions[name]
    wanted = ", ".join(f"{key} {value}" for key, value in function.select.items())

    def fits(facts: SiteFacts) -> list[CardFact]:
        return chosen(need(facts.host(item.name).cards), function.select)

    def there(facts: SiteFacts) -> Seen:
        found = fits(facts)
        return Seen(len(found) == 1, words([card.nic for card in found]))

    def card(facts: SiteFacts) -> CardFact:
        found = fits(facts)
        if len(found) != 1:
            raise Unanswered(f"failed: {ground.id('')}")
        return found[0]

    def capable(facts: SiteFacts) -> Seen:
        total = card(facts).total
        return Seen(total >= function.virtual_functions, f"{total} at most")

    def isolated(facts: SiteFacts) -> Seen:
        return Seen(bool(card(facts).iommu_group), card(facts).iommu_group or "none")

    def link(facts: SiteFacts) -> Seen:
        return equal(True, card(facts).has_link)

    def count(facts: SiteFacts) -> Seen:
        return equal(function.virtual_functions, len(card(facts).vfs))

    yield ground.check("", "host has this card", wanted, there)
    least = f"at least {function.virtual_functions}"
    yield ground.check("", "card can have so many VFs", least, capable, aspect="capability")
    yield ground.check("", "card has an IOMMU group", "a group", isolated, aspect="iommu_group")
    yield ground.check("", "card has a link", True, link, aspect="link")
    what, number = "card has so many VFs", function.virtual_functions
    yield ground.check("virtual_functions", what, number, count)
    for index in range(function.virtual_functions):
        yield from _virtual_function(ground, item, name, index)


def _virtual_function(ground: Ground, item: HostPlan, name: str, index: int) -> Iterator[Check]:
    function = item.host.physical_functions[name]
    where, needs = (item.name, function.select, index), (ground.id("virtual_functions"),)
    base = f"vf.{index}"
    for attribute, value in function.virtual_function(index).items():
        if attribute != "mac" or value:
            look, wanted = partial(_attribute, *where, attribute, value), _words(attribute, value)
            path, what = f"{base}.{attribute}", _WHAT[attribute]
            yield ground.check(path, what, wanted, look, needs=needs)
    what, own = "VF can be given to a guest alone", "a group of its own"
    alone = partial(_alone, *where)
    yield ground.check(f"{base}.iommu_group", what, own, alone, needs=needs)


def _vf(facts: SiteFacts, host: str, select: Mapping[str, str], index: int) -> tuple[CardFact, Any]:
    card = chosen(need(facts.host(host).cards), select)[0]
    return card, card.vfs[index]


def _attribute(
    host: str, select: Mapping[str, str], index: int, name: str, value: Any, facts: SiteFacts
) -> Seen:
    _, vf = _vf(facts, host, select, index)
    seen = getattr(vf, name)
    return Seen(seen == value, _words(name, seen))


def _alone(host: str, select: Mapping[str, str], index: int, facts: SiteFacts) -> Seen:
    card, vf = _vf(facts, host, select, index)
    others = [v.pci_address for v in card.vfs.values() if v.iommu_group == vf.iommu_group]
    shared = len(others) > 1 or vf.iommu_group == card.iommu_group
    state = f"shared by {words(others)}" if shared else "a group of its own"
    return Seen(bool(vf.iommu_group) and not shared, state if vf.iommu_group else "no group")


def _words(name: str, value: Any) -> str:
    if name.endswith("_mbps"):
        return f"{value} Mbit/s" if value else "no limit" if name == "max_tx_mbps" else "nothing"
    return words(value if value != 0 or isinstance(value, bool) or name == "qos" else "none")
