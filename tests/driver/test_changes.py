"""A guest that exists is changed: what it does not feel, what it is restarted for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from test_boots import inputs

from guesthouse.effects.units import parse, serialise
from guesthouse.errors import RefusedError
from guesthouse.machine.connections import Connections
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.resource import Call

CALL = Call("urn", lambda message: None)


@pytest.fixture
def resource() -> Iterator[GuestResource]:
    connections = Connections()
    yield GuestResource(connections)
    connections.close()


def declared(**more: Any) -> dict[str, Any]:
    return {
        **inputs(),
        "domain_xml": serialise(parse(inputs()["domain_xml"])),
        "allow": [],
        "nics": [],
        "keep_aside_days": 7,
        "shutdown_timeout_s": 10,
        **more,
    }


def with_memory(mib: int, values: dict[str, Any]) -> dict[str, Any]:
    old = str(values["domain_xml"])
    start, end = old.index("<memory"), old.index("</memory>") + len("</memory>")
    new = f'{old[:start]}<memory unit="KiB">{mib * 1024}</memory>{old[end:]}'
    return {**values, "domain_xml": new}


def test_a_restart_is_refused_until_it_is_permitted(resource: GuestResource) -> None:
    values = declared()
    key, state = resource.create(CALL, values)
    larger = with_memory(4096, values)
    with pytest.raises(RefusedError, match=r"is not allowed\n  hint: permit it: guests\.web\."):
        resource.update(CALL, key, state, larger)
    seen = resource.read(key, state)
    assert seen is not None
    assert seen["room"] == state["room"]
    made = resource.update(CALL, key, state, {**larger, "allow": ["restart"]})
    assert made["room"]["memory_kib"] == 4096 * 1024
    assert resource.diff(made, larger) == {}
    resource.delete(CALL, key, made)
    assert resource.read(key, made) is None


def test_another_acceleration_is_a_restart_and_drift_is_seen(resource: GuestResource) -> None:
    """libvirt's test driver takes the types of QEMU's domains too."""
    document = str(with_memory(64, declared())["domain_xml"])

    def values(kind: str, *allow: str) -> dict[str, Any]:
        xml = document.replace('type="test"', f'type="{kind}"')
        return declared(domain_xml=xml, allow=list(allow))

    key, state = resource.create(CALL, values("kvm"))
    told = resource.planned(CALL, state, values("qemu", "restart"))["changes"]
    assert [(c["what"], c["old"], c["new"], c["effect"]) for c in told] == [
        ("acceleration", "kvm", "tcg", "restart")
    ]
    with pytest.raises(RefusedError, match=r"acceleration kvm -> tcg \(restart\) is not allowed"):
        resource.update(CALL, key, state, values("qemu"))
    made = resource.update(CALL, key, state, values("qemu", "restart"))
    seen = resource.read(key, made)
    assert seen is not None and resource.diff(seen, values("qemu")) == {}
    # Somebody's `virsh define`, with the guest off and on again.
    found = resource.host(made).libvirt.lookupByUUIDString(key)
    found.destroy()
    stored = found.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("type='qemu'", "type='kvm'", 1)
    found.connect().defineXML(stored)
    found.create()
    seen = resource.read(key, made)
    assert seen is not None and list(resource.diff(seen, values("qemu"))) == ["domain_xml"]
    made = resource.update(CALL, key, seen, values("qemu", "restart"))
    seen = resource.read(key, made)
    assert seen is not None and resource.diff(seen, values("qemu")) == {}
    resource.delete(CALL, key, made)


def test_a_guest_is_made_paused_or_stopped_and_brought_to_run(resource: GuestResource) -> None:
    for power in ("paused", "stopped"):
        values = with_memory(64, declared(power=power))
        key, state = resource.create(CALL, values)
        seen = resource.read(key, state)
        assert seen is not None and seen["power"] == power
        running = resource.update(CALL, key, state, {**values, "power": "running"})
        assert running["power"] == "running"
        assert (
            resource.diff(resource.read(key, running) or {}, {**values, "power": "running"}) == {}
        )
        resource.delete(CALL, key, running)


def test_a_running_guest_is_stopped_only_with_permission(resource: GuestResource) -> None:
    values = with_memory(64, declared())
    key, state = resource.create(CALL, values)
    off = {**values, "power": "stopped"}
    with pytest.raises(RefusedError, match=r"power running -> stopped \(restart\) is not allowed"):
        resource.update(CALL, key, state, off)
    made = resource.update(CALL, key, state, {**off, "allow": ["restart"]})
    seen = resource.read(key, made)
    assert seen is not None and seen["power"] == "stopped"
    # What a stopped guest becomes costs nobody anything.
    larger = {**with_memory(4096, values), "power": "stopped"}
    made = resource.update(CALL, key, made, larger)
    assert resource.diff(resource.read(key, made) or {}, larger) == {}
    resource.delete(CALL, key, made)
