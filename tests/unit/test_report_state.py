"""What feeds a report: the state of every kind of resource, and what the provider told of each."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from report_case import step

import cases
from guesthouse import render
from guesthouse.components import inputs
from guesthouse.placement import Plan
from guesthouse.provider.host import HostResource
from guesthouse.provider.physical_function import PhysicalFunctionResource
from guesthouse.provider.provider import _planned
from guesthouse.provider.resource import Call, Resource
from guesthouse.provider.values import plain_map
from guesthouse.report import Outcome, read_events
from guesthouse.report.gone import add_gone
from guesthouse.report.markdown import markdown
from guesthouse.report.planned import planned_hosts
from guesthouse.report.present import present_hosts
from guesthouse.report.review import Review, review


def resources(plan: Plan) -> list[dict[str, Any]]:
    """The state as it is when all of a plan is made."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for name, host in plan.hosts.items():
        values = inputs.host_inputs(plan.identity, host, render.host_document(host))
        found.append(("guesthouse:index:Host", name, values))
        for key in host.host.physical_functions:
            document = render.physical_function_document(host, key)
            texts = {n.name: "" for n in plan.vf_networks if n.physical_function == key}
            values = inputs.physical_function_inputs(plan, host, document, texts)
            found.append(("guesthouse:index:PhysicalFunction", f"{name}-{key}", values))
    for network in plan.networks:
        if not network.existing:
            text, host = render.network_document(network), plan.hosts[network.host]
            values = inputs.network_inputs(plan.identity, host, network, text)
            found.append(("guesthouse:index:Network", f"{host.name}-{network.name}", values))
    for pool in plan.vf_networks:
        values = inputs.vf_network_inputs(plan, pool, render.vf_network_document(pool))
        found.append(("guesthouse:index:VfNetwork", f"{pool.host}-{pool.name}", values))
    for store in plan.pools:
        if not store.existing:
            values = {"name": store.name, "target": {"path": store.path}}
            found.append(("libvirt:index/pool:Pool", f"{store.host}-{store.name}", values))
    for guest in plan.guests.values():
        values = inputs.guest_inputs(plan.hosts[guest.host], guest, render.guest_document(guest))
        found.append(("guesthouse:index:Guest", guest.name, values))
    return [
        {"urn": f"urn:pulumi:s::p::{kind}::{name}", "type": kind, "inputs": values, "outputs": {}}
        for kind, name, values in found
    ]


@pytest.mark.parametrize("case", ["everything", "reference", "plain"])
def test_before_looks_as_after_when_nothing_changed(case: str) -> None:
    plan = cases.site_plan(case)
    state = json.loads(json.dumps(cases.plain(resources(plan))))
    before, after = present_hosts(state, plan), planned_hosts(plan)
    assert [host.name for host in before] == [host.name for host in after]
    for one, other in zip(before, after, strict=True):
        assert one == other


@pytest.mark.parametrize("case", ["everything", "reference", "memory"])
def test_nothing_is_gone_that_is_declared(case: str) -> None:
    plan, found = cases.site_plan(case), read_events([])
    state = resources(plan)
    add_gone(found, state, plan)
    assert found.steps == {}
    kinds = {"Guest", "Network", "PhysicalFunction", "Host", "VfNetwork"}
    for resource in state:
        resource["urn"] = resource["urn"] + "-x"
    add_gone(found, state, plan)
    assert len(found.steps) == len(state)
    assert {step.action for step in found.steps.values()} == {"deleted"}
    made = {resource["type"].rpartition(":")[2] for resource in state}
    assert made >= kinds or case != "everything"


def _told(resource: Resource, kind: str, old: dict[str, Any], new: dict[str, Any]) -> Review:
    call = Call("urn", lambda text: None)
    told = plain_map(_planned(resource, call, old, new))
    # As the engine hands it on: mappings and lists only.
    values = json.loads(json.dumps(told.get("preview"), default=dict))
    lines = [step(kind, "h1-fast", old=old, new=new, told=values)] if values else []
    return review("s", read_events(lines), Outcome.FAILED)


HOST = {
    "connection": {"name": "h1", "libvirt_uri": "test:///default"},
    "mark": {"site": "s", "project": "p", "stack": "t"},
    "files": {"/etc/motd": {"content": "one\ntwo\n"}, "/etc/old": {"content": "x"}},
    "packages": ["ethtool", "old"],
    "services": {"a.service": {"enabled": True, "running": True}},
    "bridges": {"br0": {"nic": "n0", "address": "", "vlan": 41}},
}


def test_what_changes_on_a_host() -> None:
    new = {
        **HOST,
        "files": {"/etc/motd": {"content": "one\n2\n"}, "/etc/new": {"content": "y\n"}},
        "packages": ["ethtool", "new"],
        "services": {
            "a.service": {"enabled": False, "running": False},
            "b.service": {"enabled": True, "running": False},
        },
        "bridges": {"br0": {"nic": "n0", "address": "", "vlan": 42}},
    }
    found = _told(HostResource(cast(Any, None)), "Host", HOST, new)
    (subject,) = found.subjects
    assert (subject.title, subject.effect.word) == ("host h1", "live")
    assert [str(change) for change in subject.changes] == [
        "bridge br0 vlan 41 -> 42 (live: guests keep their link, traffic of the old VLAN ends)",
        "file /etc/motd changed (live)",
        "file /etc/new added (live)",
        "file /etc/old removed (live)",
        "package new added (live)",
        "package old declared -> none (none: it stays as it is)",
        "service a.service enabled, running -> disabled, stopped (live)",
        "service b.service none -> enabled, stopped (live)",
    ]
    assert "-two\n+2\n" in markdown(found, "", ())


def test_what_is_refused_of_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    from guesthouse.provider import pf_state

    resource = PhysicalFunctionResource(cast(Any, None))
    monkeypatch.setattr(resource, "host", lambda values: None)
    monkeypatch.setattr(pf_state, "card", lambda host, values: None)
    monkeypatch.setattr(pf_state, "holders", lambda host, card: {0: "guest web"})
    vf = {"trust": False}
    old = {
        "connection": {"name": "h1"},
        "name": "fast",
        "select": {"nic": "n1"},
        "virtual_functions": 4,
        "vfs": {"0": vf},
        "files": {},
        "allow": [],
    }
    new = {**old, "virtual_functions": 6, "vfs": {"0": {"trust": True}}}
    found = _told(resource, "PhysicalFunction", old, new)
    (subject,) = found.subjects
    assert (subject.title, subject.effect.word) == ("physical function fast on h1", "link_loss")
    assert [change.what for change in subject.changes] == ["virtual functions", "VF 0 trust"]
    assert found.outcome is Outcome.REFUSED
    (problem,) = found.refused
    assert problem.hint == "permit it: hosts.h1.physical_functions.fast.allow: [link_loss]"
    assert "| **link_loss** | physical function fast on h1 | virtual functions 4 -> 6" in (
        markdown(found, "", ())
    )


def test_of_what_does_not_change_nothing_is_told() -> None:
    assert _told(HostResource(cast(Any, None)), "Host", HOST, HOST).subjects == ()
