"""Networks of virtual functions and the NICs on them: every message as a whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from test_rules import BASE

from guesthouse.model import Site, parse_site, rules
from guesthouse.model.reach import Reach
from guesthouse.model.salvage import salvage
from guesthouse.placement import capacity_problems, plan

FAST = {"nic": "eth5", "virtual_functions": 2, "fixed": {"0": {"vlan": 42}}}
PF = "physical_functions"
WEB, DB = "guests.a.nics.vf0", "guests.b.nics.vf0"


def raw(*edits: tuple[str, Any]) -> dict[str, Any]:
    """Two hosts with a card each, a guest on each with a virtual function; and edits at paths."""
    made = copy.deepcopy(BASE)
    for host in ("h1", "h2"):
        made["hosts"][host][PF] = {"fast": copy.deepcopy(FAST)}
    made["networks"]["vfs"] = {"kind": "sriov", "physical_function": "fast"}
    for number, guest in enumerate(("a", "b"), 1):
        nic = {"network": "vfs", "vlan": 43, "address": f"10.6.0.{number}/24"}
        made["guests"][guest]["nics"]["vf0"] = nic
    for path, value in edits:
        *parents, last = path.split(".")
        node = made
        for part in parents:
            node = node.setdefault(part, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return made


def site(*edits: tuple[str, Any]) -> Site:
    return parse_site(raw(*edits))


def said(*edits: tuple[str, Any]) -> list[str]:
    return [str(problem) for problem in rules.problems(site(*edits))]


def test_the_base_is_sound() -> None:
    assert said() == []
    assert capacity_problems(site()) == []


CASES: list[tuple[tuple[tuple[str, Any], ...], list[str]]] = [
    (
        (("networks.vfs.physical_function", "fats"), (WEB, None), (DB, None)),
        [
            "networks.vfs.physical_function: no host declares this physical function, "
            "got 'fats', allowed 'fast'\n  hint: did you mean 'fast'?"
        ],
    ),
    (
        (("networks.vfs.physical_function", "uplink"), (WEB, None), (DB, None)),
        [
            "networks.vfs.physical_function: no host declares this physical function, "
            "got 'uplink', allowed 'fast'\n"
            "  hint: declare it under 'physical_functions' of a host"
        ],
    ),
    (
        (("hosts.h2." + PF, None), ("networks.vfs.hosts", ["h1", "h2"]), (DB, None)),
        [
            "networks.vfs.hosts.1: the host declares no physical function 'fast', got 'h2'\n"
            "  hint: declare it under hosts.h2.physical_functions"
        ],
    ),
    (
        (
            ("networks.vfs", {"kind": "sriov", "physical_function": "up", "hosts": ["h1"]}),
            (WEB, None),
            (DB, None),
        ),
        [
            "networks.vfs.hosts.0: the host declares no physical function 'up', got 'h1'\n"
            "  hint: declare it under hosts.h1.physical_functions"
        ],
    ),
    (
        (("networks.vfs.hosts", ["h1", "h9"]), (DB, None)),
        ["networks.vfs.hosts.1: unknown host, got 'h9', allowed 'h1', 'h2', 'mem'"],
    ),
    (
        (("hosts.h2." + PF, None),),
        [
            f"{DB}.network: the network is not on host 'h2', got 'vfs', "
            "allowed 'lan', 'nat', 'six'\n"
            "  hint: declare 'fast' under hosts.h2.physical_functions"
        ],
    ),
    (
        (("networks.vfs.hosts", ["h1"]),),
        [
            f"{DB}.network: the network is not on host 'h2', got 'vfs', "
            "allowed 'lan', 'nat', 'six'\n  hint: add 'h2' to networks.vfs.hosts"
        ],
    ),
    (
        (("guests.a.nics.n0.vlan", 43),),
        [
            "guests.a.nics.n0.vlan: network 'lan' is not of kind sriov: its NICs have no VLAN of "
            "their own, got 43\n"
            "  hint: use a bridge that is on the VLAN (hosts.NAME.bridges.NAME.vlan)"
        ],
    ),
    (
        (("guests.b.nics.n1.vlan", 43),),
        [
            "guests.b.nics.n1.vlan: network 'nat' is not of kind sriov: its NICs have no VLAN of "
            "their own, got 43\n"
            "  hint: use a bridge that is on the VLAN (hosts.NAME.bridges.NAME.vlan)"
        ],
    ),
    (
        ((f"{WEB}.max_rx_mbps", 100), (f"{DB}.max_tx_mbps", 200)),
        [
            f"{WEB}.max_rx_mbps: a virtual function's limits are the host's to set, got 100\n"
            "  hint: set hosts.h1.physical_functions.fast.defaults.max_tx_mbps",
            f"{DB}.max_tx_mbps: a virtual function's limits are the host's to set, got 200\n"
            "  hint: set hosts.h2.physical_functions.fast.defaults.max_tx_mbps",
        ],
    ),
    # libvirt counts in each network on its own who has which.
    (
        (("networks.too", {"kind": "sriov", "physical_function": "fast"}),),
        [
            "networks.too.physical_function: is already handed out by network 'vfs' on host 'h1', "
            "got 'fast'\n"
            "  hint: put the NICs on network 'vfs': each of them has a VLAN of its own"
        ],
    ),
    (
        (
            ("networks.vfs.hosts", ["h1"]),
            ("networks.too", {"kind": "sriov", "physical_function": "fast", "hosts": ["h2"]}),
            (f"{DB}.network", "too"),
        ),
        [],
    ),
    # One wire through both hosts' cards, and one for each VLAN.
    (
        ((f"{DB}.address", "10.6.0.1/24"),),
        [f"{DB}.address: is already the address of {WEB}, got '10.6.0.1/24'"],
    ),
    (
        ((f"{DB}.address", "10.6.0.1/24"), (f"{DB}.vlan", None), (f"{WEB}.vlan", None)),
        [f"{DB}.address: is already the address of {WEB}, got '10.6.0.1/24'"],
    ),
    (((f"{DB}.address", "10.6.0.1/24"), (f"{DB}.vlan", 44)), []),
    (((f"{DB}.address", "10.6.0.1/24"), (f"{DB}.vlan", None)), []),
    # Another network, another wire: its cards may be plugged in anywhere.
    (((f"{WEB}.address", "10.90.0.12/24"),), []),
    # A gateway is as in every other network.
    (
        ((f"{WEB}.gateway", "10.7.0.1"),),
        [
            f"{WEB}.gateway: is outside the subnet of the NIC's address, "
            "got '10.7.0.1', allowed 10.6.0.0/24"
        ],
    ),
    (
        ((f"{WEB}.mac", "52:54:00:00:00:01"),),
        [
            "guests.b.nics.n0.mac: is already the MAC address of guests.a.nics.vf0, "
            "got '52:54:00:00:00:01'"
        ],
    ),
    (
        (
            ("hosts.h1.physical_functions.fast.fixed.0.mac", "52:54:00:00:00:77"),
            (f"{WEB}.mac", "52:54:00:00:00:77"),
        ),
        [
            f"{WEB}.mac: is already the MAC address of "
            "hosts.h1.physical_functions.fast.fixed.0, got '52:54:00:00:00:77'"
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), CASES, ids=lambda v: str(v)[:60])
def test_messages(edits: tuple[tuple[str, Any], ...], expected: list[str]) -> None:
    found = rules.problems(site(*edits))
    assert [str(problem) for problem in found] == expected
    assert all(".".join(problem.path) == problem.where for problem in found)


def test_a_network_is_on_the_hosts_that_have_its_card() -> None:
    both = Reach.of(site())
    assert both.hosts["vfs"] == {"h1", "h2"}
    assert both.wires["vfs", "h1"] == both.wires["vfs", "h2"] != both.wires["lan", "h1"]
    assert Reach.of(site(("networks.vfs.hosts", ["h2"]))).hosts["vfs"] == {"h2"}
    made = plan(site(("hosts.h2." + PF, None), (DB, None)), "p", "s")
    assert [(n.host, n.vfs, n.allow) for n in made.vf_networks] == [("h1", (1,), ())]


def test_who_may_take_the_link_is_said_on_the_site_the_card_or_the_network() -> None:
    for path in ("allow", "hosts.h1.physical_functions.fast.allow", "networks.vfs.allow"):
        made = plan(site((path, ["link_loss"])), "p", "s")
        assert made.vf_networks[0].allow == ("link_loss",)


FUNCTION = f"hosts.h1.{PF}.fast"
MORE = {"network": "vfs", "address": "10.6.0.9/24"}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (
            (("guests.a.nics.vf1", MORE),),
            [
                f"{FUNCTION}.virtual_functions: 2 NICs of guests need one each (a.vf0, a.vf1), "
                "got 2, of which 1 are fixed, allowed at least 3\n"
                "  hint: raise it, or move guests away"
            ],
        ),
        ((("guests.a.nics.vf1", MORE), (f"{FUNCTION}.virtual_functions", 3)), []),
        ((("guests.a.nics.vf1", MORE), (f"{FUNCTION}.fixed", None)), []),
        # It starts as soon as somebody starts it.
        (
            (("guests.a.power", "stopped"), (FUNCTION, {"nic": "e", "virtual_functions": 0})),
            [
                f"{FUNCTION}.virtual_functions: 1 NICs of guests need one each (a.vf0), got 0, "
                "allowed at least 1\n  hint: raise it, or move guests away"
            ],
        ),
        # Each card has its own guests.
        (
            ((f"{FUNCTION}.virtual_functions", 1), (f"hosts.h2.{PF}.fast.virtual_functions", 1)),
            [
                f"hosts.{host}.{PF}.fast.virtual_functions: 1 NICs of guests need one each "
                f"({guest}.vf0), got 1, of which 1 are fixed, allowed at least 2\n"
                "  hint: raise it, or move guests away"
                for host, guest in (("h1", "a"), ("h2", "b"))
            ],
        ),
    ],
)
def test_there_are_enough_for_all_guests(
    edits: tuple[tuple[str, Any], ...], expected: list[str]
) -> None:
    found = capacity_problems(site(*edits))
    assert [str(problem) for problem in found] == expected
    assert all(".".join(problem.path) == problem.where for problem in found)


def follows(path: str, *edits: tuple[str, Any]) -> list[str]:
    """What the rules say of the rest, where the only card of a site has a bad value."""
    saved = salvage(raw(("hosts.h2." + PF, None), (DB, None), *edits, (path, ["bad"])))
    assert saved.site is not None
    assert [problem.where for problem in saved.problems] == [path]
    return [str(problem) for problem in rules.problems(saved.site, saved.known)]


@pytest.mark.parametrize(
    "path",
    [
        "networks.vfs.physical_function",
        f"hosts.h1.{PF}",
        FUNCTION,
        *(
            f"{FUNCTION}.{end}"
            for end in ("virtual_functions", "fixed", "defaults", "fixed.0.vlan")
        ),
        f"{WEB}.vlan",
    ],
)
def test_of_one_bad_value_nothing_follows(path: str) -> None:
    assert follows(path) == []


@pytest.mark.parametrize("word", ["nic", "pci_address", "driver", "device", "alias"])
def test_a_card_that_is_badly_named_is_named(word: str) -> None:
    assert follows(f"{FUNCTION}.{word}", (FUNCTION, {"virtual_functions": 2})) == []
