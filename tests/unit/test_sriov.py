"""Physical functions: what may be declared, what a host tells, what a change costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_rules import BASE

from guesthouse.effects import COUNT, FIXED, Effect, physical_function_changes
from guesthouse.errors import SiteError
from guesthouse.facts import sriov
from guesthouse.model import PhysicalFunction, parse_site, rules

HERE = "hosts.h.physical_functions"


def told(**functions: Any) -> list[str]:
    """What the rules say of a host's physical functions."""
    hosts = {"h": {**BASE["hosts"]["h1"], "physical_functions": functions}}
    site = parse_site({"site": "s", "hosts": hosts})
    return [str(problem) for problem in rules.problems(site)]


def test_what_a_fixed_one_does_not_say_is_as_in_defaults() -> None:
    function = PhysicalFunction.model_validate(
        {
            "nic": "eth1",
            "virtual_functions": 2,
            "defaults": {"trust": True, "max_tx_mbps": 500},
            "fixed": {"1": {"vlan": 42, "trust": False}},
        }
    )
    rates = {"max_tx_mbps": 500, "min_tx_mbps": 0}
    both = {"spoof_check": True, "link_state": "auto", **rates}
    assert function.virtual_function(0) == {**both, "trust": True}
    place = {"mac": "", "vlan": 42, "qos": 0}
    assert function.virtual_function(1) == {**both, "trust": False, **place}


@pytest.mark.parametrize(
    ("functions", "problem"),
    [
        ({"a": {"virtual_functions": 1}}, f"{HERE}.a: does not say which interface it is"),
        (
            {n: {"nic": "eth1", "virtual_functions": 1} for n in ("a", "b")},
            f"{HERE}.b.nic: is already physical function 'a', got 'eth1'",
        ),
        (
            {"a": {"nic": "eth1", "virtual_functions": 2, "fixed": {"2": {}}}},
            f"{HERE}.a.fixed.2: there is no such virtual function, got 2, allowed 0 to 1",
        ),
        (
            {"a": {"nic": "eth1", "virtual_functions": 1, "fixed": {"0": {"qos": 3}}}},
            f"{HERE}.a.fixed.0.qos: needs a VLAN, got 3",
        ),
        (
            {
                "a": {
                    "nic": "eth1",
                    "virtual_functions": 1,
                    "defaults": {"min_tx_mbps": 9, "max_tx_mbps": 8},
                }
            },
            f"{HERE}.a.defaults.min_tx_mbps: is more than it may send, got 9, "
            "allowed at most 8, its max_tx_mbps",
        ),
        (
            {
                n: {
                    "nic": f"eth{n}",
                    "virtual_functions": 1,
                    "fixed": {"0": {"mac": "52:54:00:00:00:01"}},
                }
                for n in ("a", "b")
            },
            f"{HERE}.b.fixed.0.mac: is already the MAC address of {HERE}.a.fixed.0, "
            "got '52:54:00:00:00:01'",
        ),
    ],
)
def test_what_cannot_be_is_one_problem(functions: dict[str, Any], problem: str) -> None:
    found = told(**functions)
    assert [line.partition("\n")[0] for line in found] == [problem]


VF = {
    "vf": 0,
    "address": "52:54:00:aa:bb:01",
    "vlan_list": [{"vlan": 42, "qos": 3}],
    "rate": {"max_tx": 500, "min_tx": 0},
    "spoofchk": True,
    "link_state": "auto",
    "trust": False,
}
# Of a host with an igb card (82576), a virtio one, and a guest that has the second function.
SYSFS = """\
card nic=enp0s3 pci_address=0000:00:03.0 driver=virtio-pci device=1af4:1041 iommu_group=2 total=
card nic=enp1s0 pci_address=0000:01:00.0 driver=igb device=8086:10c9 iommu_group=7 total=7
vf nic=enp1s0v0 pci_address=0000:01:10.0 driver=igbvf iommu_group=8 number=0
vf nic= pci_address=0000:01:10.2 driver=vfio-pci iommu_group=9 number=1
==
"""
LINKS = [
    {"ifname": "enp0s3", "flags": ["UP", "LOWER_UP"], "addr_info": []},
    {
        "ifname": "enp1s0",
        "flags": ["UP"],
        "altnames": ["enx5254006c0301"],
        "ifalias": "uplink",
        "addr_info": [{"local": "10.0.0.1", "prefixlen": 24, "scope": "global"}],
        "vfinfo_list": [VF, {**VF, "vf": 1, "vlan_list": [{}], "rate": {}}],
    },
]


def cards() -> tuple[sriov.CardFact, ...]:
    return sriov.cards().parse(SYSFS + json.dumps(LINKS))


def test_a_host_tells_its_cards_and_who_has_their_functions() -> None:
    plain, card = cards()
    assert (plain.total, plain.vfs, plain.has_link) == (0, {}, True)
    assert (card.total, card.has_link, card.addresses) == (7, False, ("10.0.0.1/24",))
    first, second = card.vfs.values()
    assert (first.mac, first.vlan, first.qos) == ("52:54:00:aa:bb:01", 42, 3)
    assert (first.max_tx_mbps, first.spoof_check, first.trust) == (500, True, False)
    assert (first.nic, first.is_held) == ("enp1s0v0", False)
    assert (second.vlan, second.max_tx_mbps, second.is_held) == (0, 0, True)


@pytest.mark.parametrize(
    ("select", "count"),
    [
        ({"nic": "enp1s0"}, 1),
        ({"alias": "uplink"}, 1),
        ({"alias": "enx5254006c0301", "driver": "igb"}, 1),
        ({"pci_address": "0000:01:00.0", "device": "8086:10c9"}, 1),
        ({"nic": "enp1s0", "driver": "e1000e"}, 0),
        ({}, 2),
    ],
)
def test_a_card_is_chosen_by_all_that_is_said(select: dict[str, str], count: int) -> None:
    assert len(sriov.chosen(cards(), select)) == count


def said(old: dict[str, Any], new: dict[str, Any], held: tuple[str, ...] = ()) -> list[str]:
    return [str(change) for change in physical_function_changes(old, new, held)]


def function(count: int, **vf: Any) -> dict[str, Any]:
    return {"virtual_functions": count, "vfs": {str(n): dict(vf) for n in range(count)}}


def test_alike_changes_of_many_are_one() -> None:
    old, new = function(6, trust=False, max_tx_mbps=0), function(6, trust=True, max_tx_mbps=500)
    new["vfs"]["3"]["trust"] = False
    assert said(old, new) == [
        "VF 0-2, 4-5 trust no -> yes (live)",
        "VF 0-5 max_tx none -> 500 Mbit/s (live)",
    ]


def test_another_number_takes_the_link_of_those_that_have_one() -> None:
    old, new = function(4, trust=False), function(6, trust=False)
    assert said(old, new) == ["virtual functions 4 -> 6 (live)"]
    (change,) = physical_function_changes(old, new, ["guest web"])
    assert change.effect is Effect.LINK_LOSS
    assert "guest web" in str(change)


HELD = ("guest web", "guest db")


def fixed(*numbers: int, count: int = 4) -> dict[str, Any]:
    """So many, of which these are the host's."""
    made = function(count, trust=False)
    for number in numbers:
        made["vfs"][str(number)] |= {"mac": "", "vlan": 42, "qos": 0}
    return made


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (fixed(0), fixed(0), []),
        (
            fixed(),
            fixed(0, 1, 3),
            [
                "fixed virtual functions none -> 0-1, 3 (link_loss: "
                "the NICs of guest db, guest web are plugged in anew)",
                "VF 0-1, 3 vlan none -> 42 (live)",
            ],
        ),
        (
            fixed(0),
            fixed(),
            [
                "fixed virtual functions 0 -> none (link_loss: "
                "the NICs of guest db, guest web are plugged in anew)"
            ],
        ),
        # Another number is the greater change, and there is one reason to lose the link.
        (
            fixed(0),
            fixed(1, count=5),
            [
                "virtual functions 4 -> 5 (link_loss: "
                "all go for a moment, those of guest db, guest web too)",
                "VF 1 vlan none -> 42 (live)",
            ],
        ),
    ],
)
def test_which_ones_guests_may_get(
    old: dict[str, Any], new: dict[str, Any], changes: list[str]
) -> None:
    assert said(old, new, HELD) == changes
    assert [line.partition(" (")[2] for line in said(old, new)] == ["live)"] * len(changes)
    # The provider pulls the guests' NICs out for these.
    pool = [c.what for c in physical_function_changes(old, new, HELD) if c.what in (COUNT, FIXED)]
    assert len(pool) == bool(changes)


def test_what_was_fixed_is_known_from_what_was_declared() -> None:
    """What is seen is told in the words of what is wanted: it has a VLAN as soon as that has."""
    seen, wanted = fixed(0), fixed(0)
    assert said(seen, wanted, HELD) == []
    assert said({**seen, "was": fixed()["vfs"]}, wanted, HELD) == [
        "fixed virtual functions none -> 0 (link_loss: "
        "the NICs of guest db, guest web are plugged in anew)"
    ]
    assert said({**seen, "was": None}, wanted, HELD) == []


def test_one_number_is_written_in_one_way() -> None:
    """Two keys of a mapping could be the same virtual function otherwise."""
    function = {"nic": "eth1", "virtual_functions": 2, "fixed": {"0": {}, "00": {"vlan": 5}}}
    with pytest.raises(SiteError, match=r"a\.fixed: has '00': write it as '0'"):
        told(a=function)
