"""What is on the machine and was not declared: libvirt's own words, or somebody's hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_effects import DOCUMENT, EXPANDED, ROOM, changes

from guesthouse.effects import (
    THERE,
    Change,
    Effect,
    domain_changes,
    room,
    running_document,
    seen_document,
)
from guesthouse.provider.changes import is_cold

RECORDED = Path(__file__).parent / "recorded_domains"


def test_what_libvirt_11_makes_of_a_guest_is_no_drift() -> None:
    """Recorded with `virsh dumpxml`, of a guest that has been changed live before."""
    declared, inactive, live = (
        (RECORDED / f"{name}.xml").read_text() for name in ("declared", "inactive", "live")
    )
    assert seen_document(declared, inactive, live) == declared
    running = running_document(declared, live)
    assert domain_changes(declared, declared, room(live), running) == []
    # A plugged piece of memory stays plugged; the balloon holds what the guest gave back.
    assert running.count("786432") == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<description>", "<title>x</title><description>", "title x -> none (live)"),
        ("<os>", "<cputune><shares>200</shares></cputune><os>", "cpu shares 200 -> none (live)"),
        (
            "<os>",
            "<memtune><hard_limit unit='KiB'>4096</hard_limit></memtune><os>",
            "memory hard limit 4 MiB -> none (live)",
        ),
        (
            "</disk>",
            "<iotune><total_iops_sec>5</total_iops_sec></iotune></disk>",
            "disk vda operations limit 5 /s -> none (live)",
        ),
        ("</disk>", "<driver cache='unsafe'/></disk>", "disk vda cache unsafe -> none (restart)"),
        ("</interface>", "<link state='down'/></interface>", "NIC lan0 link down -> none (live)"),
        ("</devices>", "<sound model='ich9'/></devices>", "sound removed (restart)"),
        (
            "</os>",
            "</os><features><hap state='off'/></features>",
            "features/hap@state off -> none (restart)",
        ),
    ],
)
def test_what_somebody_added_is_drift(old: str, new: str, message: str) -> None:
    edited = EXPANDED.replace(old, new, 1)
    assert edited != EXPANDED
    assert changes(seen_document(DOCUMENT, edited, edited), DOCUMENT) == [message]


def test_what_runs_and_what_is_stored_are_both_shown() -> None:
    limit = "<iotune><total_iops_sec>5</total_iops_sec></iotune></disk>"
    live = EXPANDED.replace("</disk>", limit)
    stored = EXPANDED.replace("</disk>", "<driver cache='unsafe'/></disk>")
    assert changes(seen_document(DOCUMENT, stored, live), DOCUMENT) == [
        "disk vda cache unsafe -> none (restart)",
        "disk vda operations limit 5 /s -> none (live)",
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        "<cputune><shares>100</shares><global_quota>-1</global_quota></cputune>",
        "<memtune><hard_limit unit='KiB'>9007199254740988</hard_limit></memtune>",
    ],
)
def test_a_limit_that_was_taken_back_is_no_drift(nothing: str) -> None:
    edited = EXPANDED.replace("<os>", f"{nothing}<os>")
    assert seen_document(DOCUMENT, edited, edited) == DOCUMENT


def test_room_to_grow_that_only_runs_is_shown() -> None:
    """Stored without, started with: only a restart takes it from the guest."""
    most = "<maxMemory slots='16' unit='KiB'>8388608</maxMemory><memory "
    live = EXPANDED.replace("<memory ", most, 1)
    assert changes(seen_document(DOCUMENT, EXPANDED, live), DOCUMENT) == [
        "memory_max 8192 MiB -> none (restart)"
    ]


@pytest.mark.parametrize(
    ("stored", "live", "said"),
    [
        ("kvm", "kvm", []),
        ("qemu", "qemu", ["acceleration tcg -> kvm (restart)"]),
        ("kvm", "qemu", ["acceleration tcg -> kvm (restart)"]),
        # It runs as declared: only what is stored is put right.
        ("qemu", "kvm", ["acceleration tcg -> kvm (none)"]),
        ("qemu", None, ["acceleration tcg -> kvm (none)"]),
    ],
)
def test_an_acceleration_that_somebody_changed_is_drift(
    stored: str, live: str | None, said: list[str]
) -> None:
    def of(kind: str) -> str:
        return EXPANDED.replace('type="kvm"', f'type="{kind}" id="7"')

    running = None if live is None else of(live)
    seen = seen_document(DOCUMENT, of(stored), running)
    found = domain_changes(
        seen,
        DOCUMENT,
        None if live is None else ROOM,
        None if running is None else running_document(DOCUMENT, running),
    )
    assert [str(change) for change in found] == said


def test_what_goes_needs_the_guest_off_but_for_a_disk() -> None:
    gone = {"old": THERE, "new": "", "key": (), "path": ""}
    cases = {
        Change("memory_max", "512 MiB", "", Effect.RESTART): True,
        Change("panic device", effect=Effect.RESTART, **gone): True,
        Change("disk data", effect=Effect.DESTROYS_DATA, **gone): False,
        Change("disk root", "a", "b", Effect.REPLACE): True,
        Change("memory", "512 MiB", "768 MiB", Effect.LIVE_PERSIST): False,
    }
    assert {change: is_cold([change]) for change in cases} == cases
