"""Where a guest is, from facts, as a person and as a program read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks_case import site_plan
from cli_site import write_project

from guesthouse.cli import where
from guesthouse.cli.app import run
from guesthouse.facts.storage import VolumeFact

GUEST = site_plan().guests["web"]
IMAGE = "/srv/guests/debian-5555555555555555.qcow2"
SEEN = {
    GUEST.disks[0].path: VolumeFact("qcow2", 4 * 1024**3, 200 * 1024**2, IMAGE),
    GUEST.seed_path: VolumeFact("raw", 69632, 70000, ""),
}


def test_the_table_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    where._print(where._values(GUEST, SEEN))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:4] == ["web", "on", "host", "h1,"]
    name = "debian-5555555555555555.qcow2"
    path = "/srv/guests/web.root.qcow2"
    assert lines[2] == ["root", "guests", path, "qcow2", "4", "GiB", "200", "MiB", name]
    assert lines[3] == ["data", "old", "/srv/old/web.data.qcow2", "not", "there"]
    assert lines[4][-4:] == ["68", "KiB", "68.4", "KiB"]


def test_programs_get_bytes() -> None:
    values = where._values(GUEST, SEEN)
    assert values["disks"]["root"] == {
        "pool": "guests",
        "volume": "web.root.qcow2",
        "path": "/srv/guests/web.root.qcow2",
        "there": True,
        "format": "qcow2",
        "virtual_bytes": 4 * 1024**3,
        "allocated_bytes": 200 * 1024**2,
        "backing_path": IMAGE,
    }
    assert values["disks"]["data"]["there"] is False


def test_an_unknown_guest_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(["where", "wbe", "-s", "one"]) == 2
    assert capsys.readouterr().err == (
        "error: stack one: no such guest, got 'wbe', allowed 'web'\n  hint: did you mean 'web'?\n"
    )
    assert run(["where", "web", "-s", "one"]) == 2
    assert "is libvirt's test driver: it has no files" in capsys.readouterr().err
