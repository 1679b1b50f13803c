"""Whatever one value is bad, everything else is still judged, and nothing follows from it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from test_rules import BASE, changed

from guesthouse.model import rules
from guesthouse.model.salvage import salvage

GUEST = "guests__a"
BAD = [
    "site",
    "hosts",
    "hosts__h1__host_keys",
    "hosts__h1__bridges__br0",
    "images__i__source",
    "images__i__sha256",
    f"{GUEST}__host",
    f"{GUEST}__memory_mib",
    f"{GUEST}__disks",
    f"{GUEST}__disks__root",
    f"{GUEST}__disks__root__pool",
    f"{GUEST}__disks__root__image",
    f"{GUEST}__disks__root__size_gib",
    f"{GUEST}__nics__n0__network",
]


def said(values: dict[str, Any]) -> list[str]:
    """Paths of all problems: of shape, then by the rules, as the site file puts them together."""
    saved = salvage(values)
    assert saved.site is not None
    bad = {problem.path for problem in saved.problems}
    ruled = [
        problem
        for problem in rules.problems(saved.site, saved.known)
        if not any(problem.path[: len(path)] == path for path in bad)
    ]
    return [".".join(problem.path) for problem in (*saved.problems, *ruled)]


@pytest.mark.parametrize("path", BAD)
def test_the_rest_is_still_judged(path: str) -> None:
    values = copy.deepcopy(BASE)
    # An own mistake in the same guest, in another one, and far away.
    values["guests"]["a"]["vcpus_max"] = "1"
    values["guests"]["a"]["vcpus"] = "2"
    values["guests"]["b"]["disks"]["root"]["pool"] = "nowhere"
    values["pools"]["q"]["hosts"] = ["h2", "h2"]
    *parents, last = path.split("__")
    node = values
    for part in parents:
        node = node[part]
    node[last] = ["bad"] if last != "host_keys" else "bad"
    where = ".".join(path.split("__"))
    rest = ["pools.q.hosts.1", "guests.a.vcpus_max", "guests.b.disks.root.pool"]
    assert said(values) == [where, *rest]


def test_a_nic_without_its_network_is_still_judged() -> None:
    values = copy.deepcopy(BASE)
    values["guests"]["a"]["nics"]["n0"] = {"address": "10.90.0.11/24", "gateway": "10.91.0.1"}
    assert said(values) == ["guests.a.nics.n0.network", "guests.a.nics.n0.gateway"]


def test_a_misspelled_required_key_is_one_problem() -> None:
    values = copy.deepcopy(BASE)
    nics = values["guests"]["a"]["nics"]
    nics["n0"] = {"netwrok": next(iter(values["networks"]))}
    assert said(values) == ["guests.a.nics.n0.netwrok"]


def test_networks_on_one_bridge_are_one_wire() -> None:
    site = changed(
        networks__again={"kind": "bridge", "bridge": "br0", "hosts": ["h1"]},
        guests__b__host="h1",
        guests__b__disks__root__pool="p",
        guests__b__nics={"n0": {"network": "again", "address": "10.90.0.11/24"}},
    )
    assert [str(problem) for problem in rules.problems(site)] == [
        "guests.b.nics.n0.address: is already the address of guests.a.nics.n0, got '10.90.0.11/24'"
    ]


def test_networks_on_bridges_apart_are_not() -> None:
    site = changed(
        networks__lan={"kind": "bridge", "bridge": "br0", "hosts": ["h1"]},
        networks__far={"kind": "bridge", "bridge": "br0", "hosts": ["h2"]},
        guests__b__nics={"n0": {"network": "far", "address": "10.90.0.11/24"}},
    )
    assert rules.problems(site) == []


def test_a_files_content_is_kept_to_the_last_byte() -> None:
    site = changed(hosts__h1__files={"/etc/motd": {"content": " a\n\n"}})
    assert site.hosts["h1"].files["/etc/motd"].content == " a\n\n"
