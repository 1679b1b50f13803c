"""Disks set aside: when they go, what is said before, and that an mtime says nothing."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_changes import declared, with_memory

from guesthouse.machine.connections import Connections, HostConnection
from guesthouse.provider import asides
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.resource import Call

DAY_S = 24 * 60 * 60
NOW_S = 1_800_000_000
POOL = SimpleNamespace(refresh=lambda flags: None)


def aside(folder: Path, name: str, days: float) -> str:
    """A file set aside so many days ago and not written since a month before."""
    path = folder / f"{name}.aside.{int(NOW_S - days * DAY_S)}"
    path.write_text(name)
    os.utime(path, (NOW_S - 40 * DAY_S,) * 2)
    return str(path)


class Host:
    """A host whose shell is here; the lock runs what is due at its end."""

    is_test = False
    libvirt = SimpleNamespace()

    def root(self, command: str) -> str:
        return subprocess.run(
            ["sh", "-c", command], capture_output=True, check=True
        ).stdout.decode()

    @contextmanager
    def lock(self, name: str, at_end: str = "") -> Iterator[None]:
        yield
        self.root(at_end or "true")

    @property
    def connection(self) -> HostConnection:
        return cast(HostConnection, self)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW_S))
    monkeypatch.setattr("guesthouse.provider.volumes.pool", lambda handle, name: POOL)


def state(folder: Path, **more: Any) -> dict[str, Any]:
    disk = {"path": str(folder / "web.root.qcow2"), "pool": "p", "volume": "web.root.qcow2"}
    return {"name": "web", "declared": {"disks": [disk], "seed": {}}, **more}


def test_a_disk_written_long_ago_is_kept_in_the_update_that_sets_it_aside(tmp_path: Path) -> None:
    host, values = Host().connection, state(tmp_path, keep_aside_days=7, asides=[])
    disk = values["declared"]["disks"][0]
    Path(disk["path"]).write_text("data")
    os.utime(disk["path"], (NOW_S - 8 * DAY_S,) * 2)
    with host.lock("web", at_end=asides.removal(asides.due_now(values, values))):
        kept = asides.find(host, values)
        asides.set_aside(host, disk, kept)
    assert kept == [f"{disk['path']}.aside.{NOW_S}"]
    assert [path.name for path in tmp_path.iterdir()] == [f"web.root.qcow2.aside.{NOW_S}"]
    assert Path(kept[0]).read_text() == "data"


def test_a_way_back_takes_it_from_the_list(tmp_path: Path) -> None:
    host, disk = Host().connection, state(tmp_path)["declared"]["disks"][0]
    Path(disk["path"]).write_text("data")
    kept: list[str] = []
    asides.set_aside(host, disk, kept)()
    assert kept == []
    assert [path.name for path in tmp_path.iterdir()] == ["web.root.qcow2"]


@pytest.mark.parametrize(
    ("days", "keep", "soon", "now"),
    [
        (0, 7, False, False),
        (5.9, 7, False, False),
        (6.5, 7, True, False),
        (7, 7, True, True),
        (8, 30, False, False),
        (8, 7, True, True),
    ],
)
def test_the_time_in_the_name_decides(
    tmp_path: Path, days: float, keep: int, soon: bool, now: bool
) -> None:
    path = aside(tmp_path, "web.root.qcow2", days)
    seen, inputs = state(tmp_path, asides=[path]), {"keep_aside_days": keep}
    assert asides.due_soon(seen, inputs) == ([path] if soon else [])
    assert asides.due_now(seen, inputs) == ([path] if now else [])


def test_what_a_state_does_not_list_is_not_removed(tmp_path: Path) -> None:
    path = aside(tmp_path, "web.root.qcow2", 100)
    for old in (state(tmp_path), state(tmp_path, asides=[])):
        assert asides.due_now(old, {"keep_aside_days": 1}) == []
    assert asides.find(Host().connection, state(tmp_path)) == [path]


# Name -> is it a disk of `web` that was set aside?
NAMES = {
    "web.root.qcow2.aside.1700000000": True,
    "web.a b.qcow2.aside.1700000000": True,
    "web.$(touch x).qcow2.aside.1700000000": True,
    "web.root.qcow2.aside.": False,
    "web.root.qcow2.aside.17e8": False,
    "web.root.qcow2.aside.-1": False,
    "web.root.qcow2.aside.999999999999": False,
    "web.root.qcow2.aside.1700000000.bak": False,
    "web.root.qcow2.aside.\u0661\u0667": False,
    "webs.root.qcow2.aside.1700000000": False,
    "web.root.qcow2": False,
    "web.\nroot.qcow2.aside.1700000000": False,
}


@pytest.mark.parametrize(("name", "found"), NAMES.items())
def test_only_our_names_are_found(tmp_path: Path, name: str, found: bool) -> None:
    (tmp_path / name).write_text("data")
    told = asides.find(Host().connection, state(tmp_path))
    assert told == ([str(tmp_path / name)] if found else [])
    subprocess.run(["sh", "-c", asides.removal(told) or "true"], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ([] if found else [name])


def test_a_pool_that_the_guest_has_left_is_looked_at_and_one_that_is_gone_is_no_error(
    tmp_path: Path,
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    path = aside(left, "web.data.qcow2", 3)
    listed = [path, str(tmp_path / "gone/web.data.qcow2.aside.1")]
    assert asides.find(Host().connection, state(tmp_path, asides=listed)) == [path]


def test_a_guest_that_goes_takes_them_along_and_says_so(tmp_path: Path) -> None:
    path, said = aside(tmp_path, "web.root.qcow2", 1), list[str]()
    asides.remove(Call("urn", said.append), Host().connection, "web", [path])
    assert said == [f"web: removing {path}, set aside 2027-01-14 08:00:00 UTC"]
    assert [*tmp_path.iterdir()] == []


@pytest.fixture
def resource() -> Iterator[GuestResource]:
    connections = Connections()
    yield GuestResource(connections)
    connections.close()


def test_a_preview_and_an_update_say_what_is_removed(resource: GuestResource) -> None:
    said: list[str] = []
    call = Call("urn", said.append)
    values = with_memory(64, declared(keep_aside_days=30))
    key, made = resource.create(Call("urn", lambda message: None), values)
    old = {**made, "asides": [f"/pool/web.root.qcow2.aside.{NOW_S - 8 * DAY_S}"]}
    lowered = {**values, "keep_aside_days": 7}
    line = (
        "web: keep_aside_days 30 -> 7 (none: holds for what was set aside before, too), "
        "web.root.qcow2 set aside 2027-01-07 08:00:00 UTC removed "
        "(none: kept until 2027-01-14 08:00:00 UTC)"
    )
    assert resource.diff(old, values) == {}
    assert resource.diff(old, lowered) == {"keep_aside_days": "update"}
    planned = resource.planned(call, old, lowered)
    assert said == [line]
    assert [change["what"] for change in planned["changes"]] == [
        "keep_aside_days",
        "web.root.qcow2 set aside 2027-01-07 08:00:00 UTC",
    ]
    state = resource.update(call, key, old, lowered)
    assert said == [line, line]
    assert state["asides"] == [] and state["keep_aside_days"] == 7
    resource.delete(call, key, state)
