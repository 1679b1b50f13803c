"""Networks of every case in libvirt's test driver: taken as they are, and then no drift; one that
was made before IPv6 NAT was asked for gets it, which costs the guests on it their link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_boots import inputs as guest_inputs

import cases
from guesthouse.errors import RefusedError
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
NAT6 = NETWORKS["ipv6-h1-nat6"]
GUEST = f"""<domain type="test"><name>web</name><memory unit="MiB">64</memory><os><type>hvm</type>
</os><devices><interface type="network"><source network="{NAT6.name}"/></interface></devices>
</domain>"""


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


def test_ipv6_nat_comes_to_an_existing_network_if_its_guests_may_lose_their_link(
    resource: NetworkResource,
) -> None:
    said: list[str] = []
    call = Call("urn", said.append)
    before = network_document(NAT6).replace(
        '<forward mode="nat">\n    <nat ipv6="yes"/>\n  </forward>', '<forward mode="nat"/>'
    )
    key, state = resource.create(call, declared(NAT6, before))
    handle = resource.host(state).libvirt
    guest = handle.createXML(GUEST)
    try:
        why = "(link_loss: running guests lose their link for a moment: web)"
        change = f"network nat6 on memory: IPv6 NAT none -> yes {why}"
        with pytest.raises(RefusedError) as refused:
            resource.planned(call, state, declared(NAT6))
        assert str(refused.value) == (
            f"{change} is not allowed\n  hint: permit it: networks.nat6.allow: [link_loss]"
        )
        said.clear()
        allowed = declared(NAT6, allow=("link_loss",))
        state = resource.update(call, key, state, allowed)
        assert said == [change]
    finally:
        guest.destroy()
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, allowed) == {}
    assert "<nat ipv6='yes'" in handle.networkLookupByName("nat6").XMLDesc(0)
    resource.delete(call, key, state)
