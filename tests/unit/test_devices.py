"""Devices of hosts: what may be declared, and what a change of a guest's devices costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_effects import DOCUMENT, ROOM
from test_rules import changed, texts
from test_sitefile_salvage import SOUND

from guesthouse.effects import Change, Effect, domain_changes, room, seen_document, worst
from guesthouse.effects.units import parse, units
from guesthouse.model import rules
from guesthouse.placement import plan
from guesthouse.sitefile import read

GPU, VGPU = "0000:01:00.0", {"mdev": "nvidia-63", "parent": "0000:04:00.0"}


def site(devices: dict[str, Any], a: tuple[str, ...] = (), b: tuple[str, ...] = ()) -> Any:
    """The rules' site; guest a is on host h1, guest b where it is said."""
    values: dict[str, Any] = {"devices": devices, "guests__a__devices": a, "guests__b__devices": b}
    return changed(**values, **ON_H1)


ON_H1: dict[str, Any] = {
    "guests__b__host": "h1",
    "guests__b__disks__root__pool": "p",
    "hosts__h1__physical_functions": {
        "fast": {"pci_address": "0000:02:00.0", "virtual_functions": 4}
    },
}


@pytest.mark.parametrize(
    ("devices", "a", "b", "expected"),
    [
        ({"gpu0": {"h1": GPU, "h2": GPU}, "vgpu": {"h1": VGPU}}, ["gpu0", "vgpu"], ["vgpu"], []),
        ({"gpu0": {"mem": GPU}}, [], [], []),
        (
            {"gpu0": {"h3": GPU}},
            [],
            [],
            ["devices.gpu0.h3: unknown host, got 'h3', allowed 'h1', 'h2', 'mem'"],
        ),
        (
            {"gpu0": {"h1": GPU}},
            ["gup0"],
            [],
            [
                "guests.a.devices.0: unknown device, got 'gup0', allowed 'gpu0'\n"
                "  hint: did you mean 'gpu0'?"
            ],
        ),
        (
            {"gpu0": {"h2": GPU}, "vgpu": {"h1": VGPU}},
            ["vgpu", "gpu0"],
            [],
            [
                "guests.a.devices.1: the device is not on host 'h1', got 'gpu0', allowed 'vgpu'\n"
                "  hint: say where it is: devices.gpu0.h1"
            ],
        ),
        (
            {"gpu0": {"h1": GPU}},
            ["gpu0"],
            ["gpu0"],
            [
                "guests.b.devices.0: is already given to guest 'a', got 'gpu0'\n"
                "  hint: one guest at a time can have it: take it from one of the two"
            ],
        ),
        (
            {"vgpu": {"h1": VGPU}},
            ["vgpu", "vgpu"],
            [],
            ["guests.a.devices.1: is here twice, got 'vgpu'"],
        ),
        (
            {"gpu0": {"h1": GPU}, "gpu1": {"h2": GPU, "h1": GPU}},
            ["gpu0"],
            ["gpu1"],
            [
                "devices.gpu1.h1: is already device 'gpu0' on host 'h1', got '0000:01:00.0'\n"
                "  hint: one device has one portable name: take one of the two out"
            ],
        ),
        (
            {"gpu0": {"h1": "0000:04:00.0"}, "vgpu": {"h1": VGPU}},
            [],
            [],
            [
                "devices.gpu0.h1: is the parent of device 'vgpu' on host 'h1', "
                "got '0000:04:00.0'\n"
                "  hint: what is given away whole has no mediated devices: take one of the two out"
            ],
        ),
        (
            {"card": {"h1": "0000:02:00.0", "h2": "0000:02:00.0"}},
            [],
            [],
            [
                "devices.card.h1: a physical function cannot be given away while its virtual "
                "functions are declared, got '0000:02:00.0'\n"
                "  hint: it is hosts.h1.physical_functions.fast: take one of them out"
            ],
        ),
    ],
)
def test_messages(devices: dict[str, Any], a: Any, b: Any, expected: list[str]) -> None:
    made = site(devices, a, b)
    assert texts(made) == expected
    assert all(".".join(problem.path) == problem.where for problem in rules.problems(made))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "  gpu0: {h1: 01:00.0}",
            "43:10 devices.gpu0.h1: does not have the right form, got '01:00.0', "
            "allowed a PCI address, as 0000:01:00.0",
        ),
        ("  gpu0: {h1: []}", "43:10 devices.gpu0.h1: not a text, got a list"),
        ("  gpu0: 5", "43:3 devices.gpu0: not a mapping, got '5'"),
        (
            "  gpu0:\n    h1: {mdev: nvidia 63, parent: 0000:01:00.0}",
            "44:10 devices.gpu0.h1.mdev: does not have the right form, got 'nvidia 63', "
            "allowed a type of mediated devices, as nvidia-63",
        ),
        (
            "  gpu0:\n    h1: {mdve: nvidia-63, parent: 0000:01:00.0}",
            "44:10 devices.gpu0.h1.mdve: unknown key, allowed 'mdev', 'parent'\n"
            "  hint: did you mean 'mdev'?",
        ),
        (
            "  gpu0:\n    h1: {mdev: nvidia-63}",
            "44:5 devices.gpu0.h1.parent: is required",
        ),
        (
            "  gpu0: {h1: 0000:01:00.0, h9: 0000:01:00.0}",
            "43:28 devices.gpu0.h9: unknown host, got 'h9', allowed 'h1', 'h2'",
        ),
        (
            "  gpu0: {h2: 0000:01:00.0}",
            "22:15 guests.web.devices.0: the device is not on host 'h1', got 'gpu0', "
            "allowed none\n  hint: say where it is: devices.gpu0.h1",
        ),
    ],
)
def test_one_slip_is_one_message_with_its_line(tmp_path: Path, lines: str, expected: str) -> None:
    file = tmp_path / "stacks" / "lab.site.yaml"
    file.parent.mkdir()
    web = SOUND.replace("    vcpus: 4\n", "    devices: [gpu0]\n").replace("    vcpus_max: 8\n", "")
    file.write_text(f"{web}devices:\n{lines}\n")
    found = [str(problem) for problem in read(file).problems]
    assert [line.partition("lab.site.yaml:")[2] for line in found] == [expected]


def test_a_mediated_device_is_one_for_each_guest_place_and_type() -> None:
    def uuids(place: dict[str, str]) -> list[str]:
        made = plan(site({"v": {"h1": place}}, ("v",), ("v",)), "p", "s")
        return [device.mdev_uuid for guest in made.guests.values() for device in guest.devices]

    first = uuids(VGPU)
    assert uuids(VGPU) == first
    others = [*uuids({**VGPU, "mdev": "nvidia-64"}), *uuids({**VGPU, "parent": GPU})]
    assert len({*first, *others}) == 6


def with_devices(*buses: str, name: str = "gpu0", more: str = "") -> str:
    """The document with PCI devices; ``more`` is what libvirt writes into each."""
    xml = "".join(
        '<hostdev mode="subsystem" type="pci" managed="yes"><driver name="vfio"/><source>'
        f'<address domain="0x0000" bus="{bus}" slot="0x00" function="0x0"/></source>'
        f'<alias name="ua-{name}"/>{more}</hostdev>'
        for bus in buses
    )
    return seen_document(text := DOCUMENT.replace("</devices>", f"{xml}</devices>"), text, None)


def said(old: str, new: str, live: bool = True) -> list[str]:
    return [str(change) for change in domain_changes(old, new, ROOM if live else None)]


def test_devices_are_plugged_live() -> None:
    assert said(DOCUMENT, with_devices("0x01")) == ["device gpu0 added (live)"]
    assert said(with_devices("0x01"), DOCUMENT) == ["device gpu0 removed (live)"]
    assert said(DOCUMENT, with_devices("0x01"), live=False) == ["device gpu0 added (none)"]


def test_a_device_at_another_place_goes_and_comes() -> None:
    found = domain_changes(with_devices("0x01"), with_devices("0x41"), ROOM)
    assert [(str(c), c.path, c.effect) for c in worst(found)] == [
        ("device gpu0 removed (live)", "-hostdev", Effect.LIVE_PERSIST),
        ("device gpu0 added (live)", "+hostdev", Effect.LIVE_PERSIST),
    ]
    # The port that it leaves is the one that it takes.
    assert [c.key for c in found] == [
        ("devices", "hostdev", "0000:01:00.0", "gpu0"),
        ("devices", "hostdev", "0000:41:00.0", "gpu0"),
    ]


def test_a_device_takes_a_root_port() -> None:
    found = said(DOCUMENT, with_devices("0x01", "0x02"))
    assert found == [
        "device gpu0 added (live)",
        "device gpu0 added (restart: no PCIe root port is free)",
    ]


def test_what_libvirt_adds_to_a_device_is_no_drift() -> None:
    document = with_devices("0x01")
    guest_side = '<address type="pci" domain="0x0000" bus="0x07" slot="0x00" function="0x0"/>'
    expanded = with_devices("0x01", more=guest_side)
    assert seen_document(document, expanded, expanded) == document
    mdev = document.replace('type="pci" managed="yes"', 'type="mdev" model="vfio-pci"')
    assert mdev != document
    shown = mdev.replace('model="vfio-pci"', 'model="vfio-pci" display="off" ramfb="off"')
    assert seen_document(mdev, shown, shown) == mdev
    # The guest's side takes a port, the host's does not.
    port = '<controller type="pci" index="7" model="pcie-root-port"/></devices>'
    for text, free in ((document, 1), (expanded, 0)):
        assert room(text.replace("</devices>", port)).ports == free


@pytest.mark.parametrize("alias", ["hostdev0", "ua-theirs"])
def test_a_device_that_somebody_plugged_is_drift_that_can_be_unplugged(alias: str) -> None:
    theirs = with_devices("0x09", more="<boot order='1'/>").replace(
        '<alias name="ua-gpu0"/>', f'<alias name="{alias}"/>'
    )
    seen = seen_document(DOCUMENT, DOCUMENT, theirs)
    (change,) = domain_changes(seen, DOCUMENT, ROOM)
    name = {"hostdev0": "0000:09:00.0", "ua-theirs": "theirs"}[alias]
    key = ("devices", "hostdev", *dict.fromkeys(("0000:09:00.0", name)))
    gone = Effect.LIVE_PERSIST
    assert change == Change(f"device {name}", "there", "", gone, key, "-hostdev")
    # What is to be unplugged is found in what runs.
    assert key in units(parse(theirs))
