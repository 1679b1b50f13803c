"""The document as seen, and what changes cost: pure functions on XML texts."""

from __future__ import annotations

import pytest

from guesthouse.effects import Effect, domain_changes, seen_document

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


@pytest.mark.parametrize(
    ("old", "new", "message", "effect"),
    [
        (
            "<description>a guest",
            "<description>hands off",
            "description hands off -> a guest (no effect on the running guest)",
            Effect.NONE,
        ),
        (
            'current="1"',
            'current="2"',
            "vcpu 4 current=2 -> 4 current=1 (live)",
            Effect.LIVE,
        ),
        (
            '<currentMemory unit="KiB">524288',
            '<currentMemory unit="KiB">400000',
            "currentMemory 400000 -> 524288 (live)",
            Effect.LIVE,
        ),
        (
            'bridge="br0"',
            'bridge="br9"',
            "interface/52:00:00:00:00:01 mac:52:00:00:00:00:01 source:br9 model:virtio -> "
            "mac:52:00:00:00:00:01 source:br0 model:virtio (not possible yet)",
            Effect.REFUSED,
        ),
    ],
)
def test_drift_is_named_with_what_its_repair_costs(
    old: str, new: str, message: str, effect: Effect
) -> None:
    changed = EXPANDED.replace(old, new)
    assert changed != EXPANDED
    seen = seen_document(DOCUMENT, changed, changed)
    (change,) = domain_changes(seen, DOCUMENT, drift=True)
    assert (str(change), change.effect) == (message, effect)


def test_a_missing_and_an_added_device_are_repaired_live() -> None:
    start, end = EXPANDED.index("<interface"), EXPANDED.index("</interface>") + 12
    added = '<disk type="file" device="disk"><source file="/x"/><target dev="vdz"/></disk>'
    actual = (EXPANDED[:start] + EXPANDED[end:]).replace("</devices>", f"{added}</devices>")
    changes = domain_changes(seen_document(DOCUMENT, actual, actual), DOCUMENT, drift=True)
    assert [(c.key, bool(c.old), bool(c.new), c.effect) for c in changes] == [
        (("devices", "interface", "52:00:00:00:00:01"), False, True, Effect.LIVE),
        (("devices", "disk", "vdz"), True, False, Effect.LIVE),
    ]


def test_drift_of_the_running_guest_alone_is_seen() -> None:
    running = EXPANDED.replace('current="1"', 'current="3"')
    assert 'current="3"' in seen_document(DOCUMENT, EXPANDED, running)


def test_drift_of_the_definition_alone_is_seen_while_the_guest_runs() -> None:
    stored = EXPANDED.replace('current="1"', 'current="3"')
    assert 'current="3"' in seen_document(DOCUMENT, stored, EXPANDED)


def test_an_edit_of_an_existing_guest_is_refused_but_for_its_description() -> None:
    edited = DOCUMENT.replace('KiB">524288', 'KiB">600000').replace("a guest", "my guest")
    effects = {c.key[0]: c.effect for c in domain_changes(DOCUMENT, edited, drift=False)}
    assert effects == {
        "description": Effect.NONE,
        "memory": Effect.REFUSED,
        "currentMemory": Effect.REFUSED,
    }


def test_no_change_is_no_change() -> None:
    assert domain_changes(DOCUMENT, DOCUMENT, drift=False) == []
