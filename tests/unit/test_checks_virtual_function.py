"""Guests' virtual functions: what a finding says, and whom a guest has to reach over its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from checks_card_rows import FIRST, HELD, NETWORK, VIRTUAL_FUNCTION
from checks_case import SITE, as_declared, changed, site_plan

from guesthouse.checks.check import judge
from guesthouse.checks.compile import checks, hypervisors
from guesthouse.checks.questions import guest_question, host_question
from guesthouse.checks.virtual_function import peers, peers_of

PLAN = site_plan()
LIVE = next(path for id_, path, _ in VIRTUAL_FUNCTION if id_.endswith(" VF"))
ABOVE = "h1: guests.web.nics.vf0"


@pytest.mark.parametrize(
    ("id_", "path", "to", "what", "seen", "wanted"),
    [
        (
            f"{ABOVE}.network VF",
            LIVE,
            "0000:00:10.0",
            "guest holds a virtual function of the card",
            "VF 0",
            "one of 1, 2 of hosts.h1.physical_functions.fast",
        ),
        (
            f"{ABOVE}.network VF",
            LIVE,
            "0000:05:10.1",
            "guest holds a virtual function of the card",
            "none of this card",
            "one of 1, 2 of hosts.h1.physical_functions.fast",
        ),
        (
            f"{ABOVE}.network driver",
            (*HELD, "driver"),
            "igbvf",
            "its VF is with vfio-pci on the host",
            "igbvf",
            "vfio-pci",
        ),
        (
            f"{ABOVE}.vlan card",
            (*HELD, "vlan"),
            0,
            "card has the NIC's VLAN for its VF",
            "0",
            "43",
        ),
        (
            "web: guests.web.nics.vf0 to db",
            ("guests", "web", "reached"),
            frozenset(),
            "db answers over the VF",
            "no answer",
            "10.6.0.12",
        ),
        (
            "h1: networks.vfs.physical_function",
            (*NETWORK, "vfs"),
            ("0000:00:10.0", "0000:05:10.1"),
            "network hands out the VFs that are not fixed",
            "0, 0000:05:10.1",
            "1, 2",
        ),
        (
            "h1: networks.vfs.physical_function",
            (*NETWORK, "vfs"),
            (),
            "network hands out the VFs that are not fixed",
            "none",
            "1, 2",
        ),
    ],
)
def test_a_finding_says_what_is_where(
    id_: str, path: tuple[str, ...], to: Any, what: str, seen: str, wanted: str
) -> None:
    found = {f.id: f for f in judge(checks(PLAN), changed(as_declared(PLAN), path, to))}[id_]
    assert (found.status, found.what, found.seen, found.wanted) == ("failed", what, seen, wanted)


def test_the_order_in_which_a_network_lists_them_does_not_matter() -> None:
    facts = changed(as_declared(PLAN), (*NETWORK, "vfs"), ("0000:00:10.2", "0000:00:10.1"))
    assert {f.status for f in judge(checks(PLAN), facts)} == {"passed"}


def test_without_the_card_nothing_is_said_of_its_functions() -> None:
    found = judge(checks(PLAN), changed(as_declared(PLAN), (*FIRST, "driver"), "e1000e"))
    cause = "h1: hosts.h1.physical_functions.fast"
    assert [f.id for f in found if f.status == "failed"] == [cause]
    said = {f.id: f.seen for f in found if f.status == "not checked"}
    for id_ in ("h1: networks.vfs", f"{ABOVE}.network VF", f"{ABOVE}.vlan card"):
        assert said[id_] == f"failed: {cause}"


def nics(guest: str, power: str = "running", **nic: Any) -> dict[str, Any]:
    """The site's guests, with one NIC and the power of one of them changed."""
    made = copy.deepcopy(SITE["guests"])
    made[guest]["power"] = power
    made[guest]["nics"]["vf0"].update(nic)
    return made


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        ({}, [("db", "10.6.0.12")]),
        ({"vlan": 44}, []),
        ({"vlan": None}, []),
        ({"address": "10.5.0.12/24"}, []),
        ({"address": "10.6.0.12/16"}, []),
        ({"address": None}, []),
        ({"power": "stopped"}, []),
        ({"power": "paused"}, []),
        ({"network": "lan", "vlan": None}, []),
    ],
)
def test_it_must_reach_those_in_its_vlan_and_subnet_that_run(
    change: dict[str, Any], reached: list[tuple[str, str]]
) -> None:
    plan = site_plan(guests=nics("db", **change))
    web = plan.guests["web"]
    assert [found for nic in web.nics for found in peers_of(plan, web, nic)] == reached
    assert [*peers(plan, web)] == [("vf0", address) for _, address in reached]
    pinged = "ping " in guest_question(plan, web).command
    assert pinged is bool(reached)


def test_one_without_an_address_of_its_own_reaches_nobody() -> None:
    plan = site_plan(guests=nics("web", address=None))
    assert [*peers(plan, plan.guests["web"])] == []
    # The other one cannot reach it either: nobody knows its address before it runs.
    assert [*peers(plan, plan.guests["db"])] == []


def test_of_a_guest_that_is_off_only_its_definition_is_looked_at() -> None:
    plan = site_plan(guests=nics("web", power="stopped"))
    ids = [check.id for check in checks(plan) if "web.nics.vf0" in check.id]
    assert ids == [f"{ABOVE}.mac", f"{ABOVE}.network", f"{ABOVE}.vlan"]


def test_a_host_is_asked_for_its_networks_of_virtual_functions() -> None:
    only = {"mine": SITE["networks"]["vfs"]}
    plan = site_plan(guests={}, pools={}, images={}, networks=only)
    assert hypervisors(plan) == {"h1"}
    assert "mine" in host_question(plan, "h1").command
