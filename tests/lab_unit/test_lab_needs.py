"""What a machine must have for the lab's hosts, and what it gets where it has not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import needs, new, state
from guesthouse.lab.host import CONTAINER, EMULATED, LabHost, Wanted
from guesthouse.lab.images import Image
from guesthouse.lab.state import Folder, Record

HOSTS = (Wanted("h1", CONTAINER), Wanted("p1", EMULATED), Wanted("p2", EMULATED))


@pytest.fixture
def impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_impossible", lambda: "they need root")


def test_where_containers_are_possible_all_is_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_impossible", lambda: "")
    said: list[str] = []
    assert needs.possible(HOSTS, said.append) == HOSTS and said == []


def test_where_they_are_not_all_are_emulated_and_it_is_said(impossible: None) -> None:
    said: list[str] = []
    assert needs.possible(HOSTS, said.append) == (
        Wanted("h1", EMULATED, stands_in=True),
        *HOSTS[1:],
    )
    assert said[0] == "lab: has no container hosts here: they need root"
    assert said[1].startswith("lab: all 3 hosts are emulated instead: 3072 MiB of memory for each")


def test_who_asks_for_none_is_told_nothing(impossible: None) -> None:
    said: list[str] = []
    assert needs.possible(HOSTS[1:], said.append) == HOSTS[1:] and said == []


def test_segments_have_no_stand_in(impossible: None) -> None:
    with pytest.raises(LabError, match="they need root\n  hint: mend that: emulated hosts"):
        needs.possible((Wanted("h1", CONTAINER, ("storage",)),), print)


def test_memory_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 9000000 kB\nMemAvailable:    6291456 kB\n")
    monkeypatch.setattr(needs, "MEMINFO", told)
    needs.require(tmp_path, 0, 2)
    with pytest.raises(LabError) as caught:
        needs.require(tmp_path, 0, 3)
    wanted = "lab: needs more memory than is free, got 9216 MiB for 3 emulated hosts, "
    assert str(caught.value).startswith(f"{wanted}allowed 6144 MiB at most")


def test_space_is_looked_at_first(tmp_path: Path) -> None:
    """A folder of 2 MiB, in mounts of its own."""
    script = (
        "mount -t tmpfs -o size=2m tmpfs $0; exec $1 -c 'import sys; from pathlib import Path;"
        "from guesthouse.lab import needs; needs.require(Path(sys.argv[1]), 2, 0)' $0"
    )
    namespace = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    argv = [*namespace, "sh", "-euc", script, str(tmp_path), sys.executable]
    done = subprocess.run(argv, capture_output=True, text=True)
    wanted = f"lab: needs more space than is free in {tmp_path}, got 1000 MiB, allowed "
    assert f"LabError: {wanted}" in done.stderr


@pytest.mark.parametrize(
    ("name", "found"),
    [("a", ("", "b")), ("b", ("a", "c")), ("c", ("b", "")), ("other", ("", ""))],
)
def test_emulated_hosts_stand_in_a_line(name: str, found: tuple[str, str]) -> None:
    assert new.neighbours(name, ["a", "b", "c"]) == found


def test_a_stand_in_is_no_container_to_its_guests(tmp_path: Path) -> None:
    """Its guests have its KVM, and images with the kernel arguments for it."""
    built = {"small": "0", "small-emulated": "1"}
    (tmp_path / "image.json").write_text(json.dumps({"sha256": built}))
    images = [Image(name, tmp_path, sha256) for name, sha256 in built.items()]
    for stands_in in (True, False):
        host = LabHost("h1", 1, 22, "ssh-ed25519 A", EMULATED, stands_in=stands_in)
        record = Record("tcg", "qemu", (host,), "image", tuple(images), one_segment=False)
        text = state.local_site_text(Folder(tmp_path), record)
        assert ("    acceleration: kvm\n    boots_at_once: 1\n" in text) == stands_in
        name = "small-emulated" if stands_in else "small"
        for declared, disk in (("small", name), ("small-emulated", "small-emulated")):
            lines = (f"  {declared}:", f'    source: "{tmp_path}/{disk}.qcow2"')
            assert "\n".join((*lines, f'    sha256: "{built[disk]}"')) in text


def test_a_site_without_images_has_no_section_of_them(tmp_path: Path) -> None:
    host = LabHost("h1", 1, 22, "ssh-ed25519 A", CONTAINER)
    record = Record("", "", (host,), "image", (), one_segment=False)
    assert "images:" not in state.local_site_text(Folder(tmp_path), record)
