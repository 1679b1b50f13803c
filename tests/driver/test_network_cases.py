"""Networks of every case in libvirt's test driver: taken as they are, and then no drift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_boots import inputs as guest_inputs

import cases
from guesthouse.machine.connections import Connections
from guesthouse.placement.plan import NetworkPlan
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.resource import Call
from guesthouse.render import network_document

# The test driver has a network "default" of its own.
NETWORKS = {
    f"{case}-{n.host}-{n.name}": n
    for case in cases.CASES
    for n in cases.site_plan(case).networks
    if n.name != "default" and not n.existing
}


@pytest.fixture
def resource() -> Iterator[NetworkResource]:
    connections = Connections()
    yield NetworkResource(connections)
    connections.close()


def declared(plan: NetworkPlan, document: str = "", allow: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "connection": guest_inputs()["connection"],
        "mark": {"site": "s", "project": "p", "stack": "t"},
        "name": plan.name,
        "uuid": plan.uuid,
        "network_xml": document or network_document(plan),
        "active": True,
        "autostart": True,
        "allow": list(allow),
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_taken_and_has_no_drift(resource: NetworkResource, name: str) -> None:
    said: list[str] = []
    inputs = declared(NETWORKS[name])
    key, state = resource.create(Call("urn", said.append), inputs)
    try:
        seen = resource.read(key, state)
        assert seen is not None and resource.diff(seen, inputs) == {}
        assert seen["network_xml"] == inputs["network_xml"]
        resource.planned(Call("urn", said.append), seen, inputs)
        assert said == []
    finally:
        resource.delete(Call("urn", said.append), key, state)
