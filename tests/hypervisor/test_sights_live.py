"""One look at a host tells of each guest what a look at that guest alone tells."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import pytest
from many_guests import define, state, uuid

from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain, guest_state
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.guest_state import Sight
from guesthouse.provider.sights import Sights

pytestmark = pytest.mark.lab


@pytest.fixture
def guests(host: HostConnection) -> Iterator[HostConnection]:
    """Three guests: one runs, one is paused, one is off."""
    with define(host, 3):
        domain.start(host.libvirt.lookupByUUIDString(uuid(0)), "g0")
        domain.start(host.libvirt.lookupByUUIDString(uuid(1)), "g1", paused=True)
        host.libvirt.lookupByUUIDString(uuid(2)).setAutostart(1)
        yield host


def both(host: HostConnection, index: int) -> tuple[Any, Any]:
    """(seen with all others, seen alone)."""
    wanted = state(host, index)
    alone = guest_state.look(host, host.libvirt.lookupByUUIDString(uuid(index)), wanted)
    together = Sights().of(host, uuid(index), wanted)
    return together and plain(together), plain(alone)


def plain(sight: Sight) -> Sight:
    """Without the line breaks at a document's end, where virsh has its own."""
    live = sight.live and sight.live.strip()
    return dataclasses.replace(sight, stored=sight.stored.strip(), live=live)


def test_all_at_once_is_as_one_by_one(guests: HostConnection) -> None:
    for index, power in enumerate(("running", "paused", "stopped")):
        together, alone = both(guests, index)
        assert together == alone
        assert (together.power, together.autostart) == (power, index == 2)
        assert [disk["size_bytes"] for disk in together.volumes["disks"]] == [1 << 30]
        assert together.volumes["seed"]
    assert Sights().of(guests, uuid(3), state(guests, 3)) is None


def test_what_lost_a_file_is_looked_at_alone(
    guests: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = state(guests, 2)
    guests.root(f"rm {wanted['disks'][0]['path']}")
    together, alone = both(guests, 2)
    assert together is None and alone.volumes["disks"] == []
    resource = GuestResource(None)  # type: ignore[arg-type]
    monkeypatch.setattr(resource, "host", lambda _: guests)
    seen = resource.read(uuid(2), wanted)
    assert seen is not None and seen["disks"] == []
    assert resource.read(uuid(3), state(guests, 3)) is None


def test_pins_to_every_cpu_are_none(guests: HostConnection) -> None:
    found = guests.libvirt.lookupByUUIDString(uuid(0))
    found.pinVcpu(0, (True,) * int(guests.libvirt.getInfo()[2]))
    together, alone = both(guests, 0)
    assert together == alone
    assert "vcpupin" in found.XMLDesc(0) and "vcpupin" not in str(together.live)


def test_a_change_of_ours_is_seen_at_once(
    guests: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    root = guests.root
    monkeypatch.setattr(guests, "root", lambda *a, **k: asked.append(a[0]) or root(*a, **k))
    sights = Sights()
    found = guests.libvirt.lookupByUUIDString(uuid(0))

    def power() -> str:
        sight = sights.of(guests, uuid(0), state(guests, 0))
        assert sight is not None
        return sight.power

    assert (power(), power(), len(asked)) == ("running", "running", 1)
    with guests.lock("try"):
        found.suspend()
    assert (power(), len(asked)) == ("paused", 2)
    found.resume()
    time.sleep(5.1)
    assert (power(), len(asked)) == ("running", 3)


def test_round_trips_do_not_grow_with_guests(
    host: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for count in (5, 50):
        resource = GuestResource(None)  # type: ignore[arg-type]
        asked: list[Any] = []
        root = host.root
        with define(host, count), monkeypatch.context() as patch:
            patch.setattr(resource, "host", lambda _: host)
            patch.setattr(host, "root", lambda *a, r=root, n=asked, **k: n.append(a) or r(*a, **k))
            patch.setattr(type(host), "libvirt", property(lambda _: pytest.fail("a call alone")))
            seen = [resource.read(uuid(i), state(host, i)) for i in range(count)]
        assert all(found and found["power"] == "stopped" for found in seen)
        counts.append(len(asked))
    assert counts == [1, 1]
