"""A libvirt network is made, adopted, changed and removed; libvirt's test driver has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from test_boots import inputs as guest_inputs

import cases
from guesthouse.errors import RefusedError
from guesthouse.machine.connections import Connections
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.resource import Call
from guesthouse.render import network_document

PLAN = next(n for n in cases.site_plan("everything").networks if n.name == "nat")
SUBNET = ("10.77.0.", "10.79.0.")
GUEST = f"""<domain type="test"><name>web</name><memory unit="MiB">64</memory><os><type>hvm</type>
</os><devices><interface type="network"><source network="{PLAN.name}"/></interface></devices>
</domain>"""


@pytest.fixture
def resource() -> Iterator[NetworkResource]:
    connections = Connections()
    yield NetworkResource(connections)
    connections.close()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def call(said: list[str]) -> Call:
    return Call("urn", said.append)


def declared(*edit: str, allow: tuple[str, ...] = ()) -> dict[str, Any]:
    document = network_document(PLAN)
    return {
        "connection": guest_inputs()["connection"],
        "mark": {"site": "s", "project": "p", "stack": "t"},
        "name": PLAN.name,
        "uuid": PLAN.uuid,
        "network_xml": document.replace(*edit) if edit else document,
        "active": True,
        "autostart": True,
        "allow": list(allow),
    }


def handle(resource: NetworkResource) -> libvirt.virConnect:
    return resource.host(declared()).libvirt


def test_made_changed_live_read_and_removed(
    resource: NetworkResource, call: Call, said: list[str]
) -> None:
    key, state = resource.create(call, declared())
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, declared()) == {}
    wanted = declared("10.77.0.100", "10.77.0.50")
    assert resource.diff(seen, wanted) == {"network_xml": "update"}
    line = (
        "network nat on memory: dhcp range 10.77.0.100-10.77.0.199 -> 10.77.0.50-10.77.0.199 (live)"
    )
    planned = resource.planned(call, seen, wanted)
    assert said.pop() == line and planned["changes"][0]["effect"] == "live+persist"
    state = resource.update(call, key, state, wanted)
    assert said == [line]
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, wanted) == {}
    resource.delete(call, key, state)
    assert resource.read(key, state) is None
    resource.delete(call, key, state)


def test_a_bounce_is_refused_while_a_guest_would_feel_it(
    resource: NetworkResource, call: Call, said: list[str]
) -> None:
    key, state = resource.create(call, declared())
    guest = handle(resource).createXML(GUEST)
    try:
        why = "(link_loss: running guests lose their link for a moment: web)"
        refusal = (
            f"network nat on memory: address 10.77.0.1/24 -> 10.79.0.1/24 {why} is not allowed\n"
            "  hint: permit it: networks.nat.allow: [link_loss]"
        )
        for attempt in (resource.planned, lambda *args: resource.update(args[0], key, *args[1:])):
            with pytest.raises(RefusedError) as refused:
                attempt(call, state, declared(*SUBNET))
            assert str(refused.value) == refusal
        allowed = declared(*SUBNET, allow=("link_loss",))
        state = resource.update(call, key, state, allowed)
    finally:
        guest.destroy()
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, allowed) == {}
    # Nobody is on it now: nobody loses anything.
    state = resource.update(call, key, state, declared())
    assert "(live)" in said[-1] and "link_loss" not in said[-1]
    resource.delete(call, key, state)


def test_an_unfinished_one_of_our_own_is_adopted(
    resource: NetworkResource, call: Call, said: list[str]
) -> None:
    handle(resource).networkDefineXML(declared(*SUBNET)["network_xml"])
    key, state = resource.create(call, declared())
    assert said[0] == "network nat on memory: adopting our own network from an earlier run"
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, declared()) == {}
    resource.delete(call, key, state)


def test_one_that_pulumi_libvirt_made_for_us_is_made_anew(
    resource: NetworkResource, call: Call
) -> None:
    old = "00000000-0000-4000-8000-00000000000f"
    made = handle(resource).networkDefineXML(declared(PLAN.uuid, old)["network_xml"])
    made.create()
    key, state = resource.create(call, declared())
    assert handle(resource).networkLookupByName("nat").UUIDString() == key == PLAN.uuid
    resource.delete(call, key, state)


def test_somebody_elses_of_the_same_name_is_refused(resource: NetworkResource, call: Call) -> None:
    theirs = declared(PLAN.bridge, "virbr7")["network_xml"].replace(PLAN.uuid, "")
    network = handle(resource).networkDefineXML(theirs.replace("<uuid></uuid>", ""))
    try:
        with pytest.raises(RefusedError) as refused:
            resource.create(call, declared())
    finally:
        network.undefine()
    assert str(refused.value) == (
        "network nat on memory: exists and was not made by this stack "
        f"(its bridge is 'virbr7', wanted '{PLAN.bridge}')\n"
        "  hint: give the network another name in the site file, or remove the present one: "
        "virsh net-destroy nat; virsh net-undefine nat"
    )


def test_stopped_and_not_started_at_boot_are_drift(
    resource: NetworkResource, call: Call, said: list[str]
) -> None:
    key, state = resource.create(call, declared())
    network = handle(resource).networkLookupByName("nat")
    network.destroy()
    network.setAutostart(0)
    seen = resource.read(key, state)
    assert seen is not None
    assert resource.diff(seen, declared()) == {"active": "update", "autostart": "update"}
    resource.update(call, key, seen, declared())
    assert said[-1] == "network nat on memory: active no -> yes (live), autostart off -> on (live)"
    assert network.isActive() and network.autostart()
    resource.delete(call, key, state)
