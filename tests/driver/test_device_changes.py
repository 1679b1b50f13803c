"""A guest's devices on libvirt's test driver, which takes them and cannot unplug them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from test_boots import inputs

import cases
from guesthouse.components.inputs import mark
from guesthouse.effects import domain_changes, room
from guesthouse.errors import Problem, RefusedError
from guesthouse.machine.connections import Connections
from guesthouse.placement import DevicePlan
from guesthouse.provider import guest_devices
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.live import LiveChange
from guesthouse.provider.resource import Call
from guesthouse.render import guest_document

GPU = DevicePlan("gpu0", "0000:01:00.0", "", "", "")
MOVED = dataclasses.replace(GPU, pci_address="0000:41:00.0")
VGPU = DevicePlan("vgpu", "", "nvidia-63", "e7a1705c-2715-547c-a142-87be7e383cc3", "0000:04:00.0")
CALL = Call("urn", lambda message: None)


@pytest.fixture
def resource() -> Iterator[GuestResource]:
    connections = Connections()
    yield GuestResource(connections)
    connections.close()


def declared(*devices: DevicePlan, power: str = "running") -> dict[str, Any]:
    plan = dataclasses.replace(cases.site_plan("memory").guests["a"], devices=devices)
    return {
        **inputs(),
        "mark": mark(plan.identity),
        "name": plan.name,
        "uuid": plan.uuid,
        "domain_xml": guest_document(plan).domain_xml,
        "devices": [dataclasses.asdict(device) for device in devices],
        "power": power,
        "login": "",
        "allow": [],
        "nics": [],
        "keep_aside_days": 7,
        "shutdown_timeout_s": 10,
    }


def test_a_guest_with_devices_is_as_declared(resource: GuestResource) -> None:
    values = declared(GPU, VGPU)
    key, state = resource.create(CALL, values)
    assert resource.diff(resource.read(key, state) or {}, values) == {}
    said: list[str] = []
    planned = resource.planned(Call("urn", said.append), state, declared(MOVED, VGPU))
    assert said == ["a: device gpu0 removed (live), device gpu0 added (live)"]
    assert [change["what"] for change in planned["changes"]] == ["device gpu0", "device gpu0"]
    resource.delete(CALL, key, state)


def test_devices_of_a_guest_that_is_off_change_for_nothing(resource: GuestResource) -> None:
    key, state = resource.create(CALL, declared(GPU, power="stopped"))
    for devices in ((MOVED, VGPU), (), (GPU,)):
        values = declared(*devices, power="stopped")
        state = resource.update(CALL, key, state, values)
        assert resource.diff(resource.read(key, state) or {}, values) == {}
    resource.delete(CALL, key, state)


class Running:
    """A running domain that plugs at once and notes what it is told."""

    def __init__(self, xml: str) -> None:
        self.xml, self.told = xml, list[tuple[str, str]]()

    def name(self) -> str:
        return "a"

    def XMLDesc(self, _flags: int) -> str:
        return self.xml

    def attachDeviceFlags(self, xml: str, flags: int) -> None:
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
        self.told.append(("attach", xml))
        self.xml = self.xml.replace("</devices>", f"{xml}</devices>")

    def detachDeviceFlags(self, xml: str, flags: int) -> None:
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
        self.told.append(("detach", xml))
        start, end = self.xml.index("<hostdev"), self.xml.index("</hostdev>") + len("</hostdev>")
        self.xml = self.xml[:start] + self.xml[end:]


def test_a_device_at_another_place_is_unplugged_first() -> None:
    old, new = str(declared(GPU)["domain_xml"]), str(declared(MOVED)["domain_xml"])
    domain = Running(old)
    LiveChange(domain, new).apply(domain_changes(old, new, room(old)))
    assert [(what, xml.count('bus="0x41"')) for what, xml in domain.told] == [
        ("detach", 0),
        ("attach", 1),
    ]
    assert 'name="ua-gpu0"' in domain.xml and 'bus="0x01"' not in domain.xml


def test_each_step_of_a_guest_looks_after_its_devices(
    resource: GuestResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def refuse(*_args: Any) -> None:
        raise RefusedError(Problem("guest a device gpu0", "is not on host 'memory'"))

    off, less = declared(GPU, VGPU, power="stopped"), declared(GPU, power="stopped")
    with monkeypatch.context() as patch:
        patch.setattr(guest_devices, "_checked", refuse)
        for step in (resource.create, lambda call, it: resource.planned(call, None, it)):
            with pytest.raises(RefusedError):
                step(CALL, off)
    assert resource.read(off["uuid"], {**off, "declared": off}) is None
    key, state = resource.create(CALL, off)
    with monkeypatch.context() as patch:
        patch.setattr(guest_devices, "_checked", refuse)
        with pytest.raises(RefusedError):
            resource.planned(CALL, state, less)
        with pytest.raises(RefusedError):
            resource.update(CALL, key, state, less)
    for name in ("forget", "moved"):
        old = getattr(guest_devices, name)
        note = lambda *args, n=name, f=old: (done.append(n), f(*args))[1]  # noqa: E731
        monkeypatch.setattr(guest_devices, name, note)
    warm = resource.update(CALL, key, state, less)
    assert done == ["forget"]
    runs = resource.update(CALL, key, warm, {**less, "power": "running"})
    done.clear()
    stopped = resource.update(CALL, key, runs, {**less, "allow": ["restart"]})
    assert done == ["moved", "forget"]
    resource.delete(CALL, key, stopped)
    assert done == ["moved", "forget", "forget"]
