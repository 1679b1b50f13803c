"""The document as seen, and what changes cost: pure functions on XML texts."""

from __future__ import annotations

import pytest

from guesthouse.effects import (
    Change,
    Effect,
    Room,
    disk_changes,
    domain_changes,
    refused,
    room,
    seen_document,
    worst,
)

DOCUMENT = """<domain type="kvm">
  <name>web</name>
  <description>a guest</description>
  <memory unit="KiB">524288</memory>
  <currentMemory unit="KiB">524288</currentMemory>
  <vcpu placement="static" current="1">4</vcpu>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
  </os>
  <devices>
    <disk type="file" device="disk">
      <source file="/srv/web.root.qcow2"/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <interface type="bridge">
      <mac address="52:00:00:00:00:01"/>
      <source bridge="br0"/>
      <model type="virtio"/>
    </interface>
  </devices>
</domain>
"""

# What libvirt makes of it: a versioned machine, addresses, aliases, devices of its own.
EXPANDED = (
    DOCUMENT.replace('machine="q35"', 'machine="pc-q35-10.0"')
    .replace("<devices>", "<devices><emulator>/usr/bin/qemu</emulator>")
    .replace("</disk>", '<alias name="virtio-disk0"/><address type="pci" bus="0x01"/></disk>')
    .replace("</devices>", '<controller type="sata" index="0"/><input type="mouse"/></devices>')
)


def test_what_libvirt_adds_is_no_drift() -> None:
    assert seen_document(DOCUMENT, EXPANDED, EXPANDED) == DOCUMENT
    assert seen_document(DOCUMENT, EXPANDED, None) == DOCUMENT


ROOM = Room(vcpus_max=4, memory_kib=524288, memory_max_kib=1048576, memory_slots=2, ports=1)


def changes(old: str, new: str, room: Room | None = ROOM) -> list[str]:
    """The changes in words, with the NIC called as its user does."""
    names = {"52:00:00:00:00:01": "lan0"}
    return [str(c) for c in domain_changes(old, new, room, names=names)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a guest", "hands off", "description a guest -> hands off (live)"),
        ('current="1"', 'current="2"', "vcpus 1 -> 2 (live)"),
        (' current="1"', "", "vcpus 1 -> 4 (live)"),
        ('">4</vcpu>', '">8</vcpu>', "vcpus_max 4 -> 8 (restart)"),
        ('KiB">524288', 'KiB">786432', "memory 512 -> 768 MiB (live)"),
        ('KiB">524288', 'KiB">262144', "memory 512 -> 256 MiB (live)"),
        (
            'KiB">524288',
            'KiB">2097152',
            "memory 512 -> 2048 MiB (restart: it was started with at most 1024 MiB)",
        ),
        ('machine="q35"', 'machine="pc"', "machine q35 -> pc (restart)"),
        ('type="kvm"', 'type="qemu"', "acceleration kvm -> tcg (restart)"),
        ('type="kvm"', 'type="xen"', "acceleration kvm -> xen (restart)"),
        ('bridge="br0"', 'bridge="br9"', "NIC lan0 network br0 -> br9 (live)"),
        (
            'model type="virtio"',
            'model type="e1000e"',
            "NIC lan0 model@type virtio -> e1000e (restart)",
        ),
        ('bus="virtio"', 'bus="sata"', "disk vda target@bus virtio -> sata (restart)"),
        ("<name>web", "<name>wab", "name web -> wab (replace)"),
        (
            "<devices>",
            "<features><acpi/></features><devices>",
            "features/acpi added (restart)",
        ),
    ],
)
def test_a_change_is_named_with_what_it_costs(old: str, new: str, message: str) -> None:
    edited = DOCUMENT.replace(old, new)
    assert edited != DOCUMENT
    assert changes(DOCUMENT, edited) == [message]
    # The way back is the same change.
    assert len(changes(edited, DOCUMENT)) == 1


def test_several_changes_each_with_its_own_effect() -> None:
    edited = DOCUMENT.replace('KiB">524288', 'KiB">786432').replace("q35", "pc")
    assert changes(DOCUMENT, edited) == [
        "memory 512 -> 768 MiB (live)",
        "machine q35 -> pc (restart)",
    ]


def test_a_guest_that_is_off_feels_nothing() -> None:
    edited = DOCUMENT.replace('KiB">524288', 'KiB">2097152').replace("q35", "pc")
    assert [word.rpartition(" ")[2] for word in changes(DOCUMENT, edited, None)] == [
        "(none)",
        "(none)",
    ]


def test_a_missing_and_an_added_device_are_plugged_live() -> None:
    start, end = EXPANDED.index("<interface"), EXPANDED.index("</interface>") + 12
    added = '<disk type="file" device="disk"><source file="/x"/><target dev="vdz"/></disk>'
    actual = (EXPANDED[:start] + EXPANDED[end:]).replace("</devices>", f"{added}</devices>")
    seen = seen_document(DOCUMENT, actual, actual)
    assert changes(seen, DOCUMENT) == [
        "NIC lan0 added (live)",
        "disk vdz removed (live)",
    ]


def test_without_a_free_port_the_second_device_needs_a_restart() -> None:
    nic = '<interface type="bridge"><mac address="52:00:00:00:00:0{}"/></interface>'
    edited = DOCUMENT.replace("</devices>", nic.format(2) + nic.format(3) + "</devices>")
    assert changes(DOCUMENT, edited) == [
        "NIC 52:00:00:00:00:02 added (live)",
        "NIC 52:00:00:00:00:03 added (restart: no PCIe root port is free)",
    ]


def test_what_the_running_guest_has_already_is_only_stored() -> None:
    stored = DOCUMENT.replace("q35", "pc")
    (change,) = domain_changes(stored, DOCUMENT, ROOM, running=DOCUMENT)
    assert change.effect is Effect.NONE
    (change,) = domain_changes(stored, DOCUMENT, ROOM, running=stored)
    assert change.effect is Effect.RESTART


LIVE = """<domain><vcpu current="1">4</vcpu><memory unit="KiB">655360</memory>
<maxMemory slots="16" unit="KiB">1048576</maxMemory><devices>
<controller type="pci" index="1" model="pcie-root-port"/>
<controller type="pci" index="2" model="pcie-root-port"/>
<controller type="pci" index="3" model="dmi-to-pci-bridge"/>
<disk><address type="pci" bus="0x01"/></disk><memory model="dimm"/></devices></domain>"""


def test_the_room_of_a_running_guest() -> None:
    assert room(LIVE) == Room(4, 655360, 1048576, 15, 1)
    assert Room.of_values(room(LIVE).values()) == room(LIVE)


def test_an_emulated_guest_has_no_room_for_vcpus() -> None:
    for kind, most in (("kvm", 4), ("qemu", 1)):
        assert room(LIVE.replace("<domain>", f'<domain type="{kind}">')).vcpus_max == most


def test_plugged_memory_comes_in_whole_sections_below_the_maximum() -> None:
    # 1000 MiB need 3 sections of 128 MiB above 640: 1024 in all, which just fits.
    small = room(LIVE)
    assert "(live)" in changes(DOCUMENT, DOCUMENT.replace('KiB">524288', 'KiB">1024000'), small)[0]
    full = Room(4, 655360, 1048576, 0, 1)
    assert changes(DOCUMENT, DOCUMENT.replace('KiB">524288', 'KiB">1024000'), full) == [
        "memory 512 -> 1000 MiB (restart: no memory slot is free)"
    ]


def test_drift_of_the_running_guest_alone_is_seen() -> None:
    running = EXPANDED.replace('current="1"', 'current="3"')
    assert 'current="3"' in seen_document(DOCUMENT, EXPANDED, running)


def test_drift_of_the_definition_alone_is_seen_while_the_guest_runs() -> None:
    stored = EXPANDED.replace('current="1"', 'current="3"')
    assert 'current="3"' in seen_document(DOCUMENT, stored, EXPANDED)


def test_no_change_is_no_change() -> None:
    assert changes(DOCUMENT, DOCUMENT) == []


def test_memory_that_was_plugged_in_is_no_drift() -> None:
    wanted = DOCUMENT.replace('KiB">524288', 'KiB">786432')
    dimm = '<memory model="dimm"><target><size unit="KiB">262144</size></target></memory></devices>'
    live = EXPANDED.replace('KiB">524288', 'KiB">786432').replace("</devices>", dimm)
    stored = EXPANDED.replace('KiB">524288', 'KiB">786432')
    assert seen_document(wanted, stored, live) == wanted
    # And given back to the balloon again.
    shrunk = live.replace('<currentMemory unit="KiB">786432', '<currentMemory unit="KiB">524288')
    assert seen_document(DOCUMENT, EXPANDED, shrunk) == DOCUMENT


def test_a_disk_that_got_another_device_name_is_no_drift() -> None:
    serial = DOCUMENT.replace("<target", "<serial>root</serial>\n      <target")
    live = serial.replace('dev="vda"', 'dev="vdc"')
    assert seen_document(serial, serial, live) == serial


GIB = 1024**3
ROOT = {"name": "root", "pool": "p", "volume": "w.root", "size_bytes": GIB, "backing_path": "/i/a"}
DATA = {"name": "data", "pool": "p", "volume": "w.data", "size_bytes": GIB, "backing_path": ""}


@pytest.mark.parametrize(
    ("seen", "wanted", "declared", "messages"),
    [
        ([DATA], [DATA], [DATA], []),
        ([DATA], [{**DATA, "size_bytes": 2 * GIB}], [DATA], ["disk data 1 -> 2 GiB (live)"]),
        (
            [{**DATA, "size_bytes": 2 * GIB}],
            [DATA],
            [DATA],
            ["disk data 2 -> 1 GiB (destroys_data: a disk does not shrink, it is made anew)"],
        ),
        ([ROOT], [ROOT, DATA], [ROOT], []),
        ([ROOT, DATA], [ROOT], [ROOT, DATA], ["disk data 1 GiB -> none (destroys_data)"]),
        (
            [ROOT],
            [{**ROOT, "backing_path": "/i/b"}],
            [ROOT],
            ["disk root image a -> b (replace: the disk is made anew)"],
        ),
        (
            [],
            [DATA],
            [DATA],
            [
                "disk data none -> 1 GiB (destroys_data: its volume is gone; an empty one would "
                "be made)"
            ],
        ),
    ],
)
def test_what_a_change_of_disks_costs(
    seen: list[dict[str, object]],
    wanted: list[dict[str, object]],
    declared: list[dict[str, object]],
    messages: list[str],
) -> None:
    assert [str(c) for c in disk_changes(seen, wanted, declared, running=True)] == messages


def test_only_what_is_worse_than_live_needs_a_permission() -> None:
    found = [Change("x", "1", "2", effect) for effect in Effect]
    assert [c.effect.value for c in refused(found, ())] == [
        "link_loss",
        "restart",
        "migrate",
        "replace",
        "destroys_data",
    ]
    assert [c.effect.value for c in refused(found, ("restart", "replace"))] == [
        "link_loss",
        "migrate",
        "destroys_data",
    ]


def test_a_disk_that_goes_is_one_change_of_two() -> None:
    domain = Change("disk more", "there", "", Effect.LIVE_PERSIST)
    volume = Change("disk more", "1 GiB", "", Effect.DESTROYS_DATA)
    assert worst([domain, volume]) == [volume]


def test_limits_are_told_in_the_users_units() -> None:
    limited = "<iotune><total_bytes_sec>8388608</total_bytes_sec></iotune></disk>"
    assert changes(DOCUMENT, DOCUMENT.replace("</disk>", limited)) == [
        "disk vda limit none -> 8 MiB/s (live)"
    ]
    limited = '<bandwidth><inbound average="2500"/></bandwidth></interface>'
    assert changes(DOCUMENT, DOCUMENT.replace("</interface>", limited)) == [
        "NIC lan0 receive limit none -> 20 Mbit/s (live)"
    ]
