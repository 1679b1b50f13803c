"""Two records of one host: what one gives up and the other has, stays."""

from __future__ import annotations

import json
import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import pytest

from guesthouse.errors import MachineError
from guesthouse.machine.configure import HostJob
from guesthouse.provider import host as host_room
from guesthouse.provider import ownership
from guesthouse.provider.bridges import bridge_file
from guesthouse.provider.host import HostResource
from guesthouse.provider.ownership import Record

OURS, THEIRS = "uuid-ours", "uuid-theirs"
BR0, BR1, MOTD = bridge_file("br0"), bridge_file("br1"), "/etc/motd.d/10-guesthouse"
BRIDGES = {name: {"nic": "", "address": ""} for name in ("br0", "br1")}


class Shell:
    """A host whose shell runs here; the commands it was given."""

    is_test = False
    endpoint = None
    name = "h1"

    def __init__(self) -> None:
        self.said: list[str] = []

    def root(self, command: str, input: bytes | None = None) -> str:
        self.said.append(command)
        argv = ["sh", "-c", command.replace("ip link", "true ip link").replace("networkctl", ":")]
        return subprocess.run(argv, input=input, capture_output=True, check=True).stdout.decode()

    def lock(self, name: str) -> AbstractContextManager[str]:
        return nullcontext(name)


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[HostJob]:
    found: list[HostJob] = []
    monkeypatch.setattr(ownership, "REGISTRY", str(tmp_path))
    monkeypatch.setattr(host_room, "configure", lambda _, job: found.append(job))
    return found


def deleted(monkeypatch: pytest.MonkeyPatch, theirs: tuple[str, ...] | None) -> Shell:
    shell = Shell()
    ours = Record("a/p/s", "h1", "t", True, (BR0, BR1, MOTD))
    ownership.write_record(cast(Any, shell), OURS, ours)
    if theirs is not None:
        ownership.write_record(cast(Any, shell), THEIRS, Record("b/p/s", "h1", "t", True, theirs))
    resource = HostResource.__new__(HostResource)
    monkeypatch.setattr(resource, "host", lambda _: shell, raising=False)
    state = {"declared": {"files": {}, "bridges": BRIDGES}}
    resource.delete(cast(Any, None), OURS, state)
    return shell


@pytest.mark.parametrize(
    ("theirs", "gone", "unplugged"),
    [
        (None, (BR0, BR1, MOTD), {"br0", "br1"}),
        ((), (BR0, BR1, MOTD), {"br0", "br1"}),
        ((BR0, MOTD), (BR1,), {"br1"}),
        ((BR0, BR1, MOTD), (), set()),
        (("/etc/other",), (BR0, BR1, MOTD), {"br0", "br1"}),
    ],
)
def test_a_deleted_host_keeps_what_another_record_has(
    jobs: list[HostJob],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    theirs: tuple[str, ...] | None,
    gone: tuple[str, ...],
    unplugged: set[str],
) -> None:
    shell = deleted(monkeypatch, theirs)
    assert [job.absent for job in jobs] == [gone]
    taken = {line.rpartition(" ")[2] for line in shell.said if "ip link delete" in line}
    assert taken == unplugged
    assert any("networkctl reload" in line for line in shell.said) == bool(unplugged)
    left = {path.stem: json.loads(path.read_text())["items"] for path in tmp_path.glob("*.json")}
    assert left == ({} if theirs is None else {THEIRS: list(theirs)})


def test_what_is_unplugged_for_a_moment_is_no_record(
    jobs: list[HostJob], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / f"{THEIRS}.unplugged.json").write_text('[{"uuid": "x"}]')
    deleted(monkeypatch, (BR0,))
    assert [job.absent for job in jobs] == [(BR1, MOTD)]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '"x"', "{}", '{"items": 1}', '{"items": [[]]}', "[" * 100_000, "9" * 5000],
)
def test_a_record_that_cannot_be_read_ends_it_before_anything_is_removed(
    jobs: list[HostJob], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(MachineError) as caught:
        deleted(monkeypatch, None)
    assert str(caught.value) == (
        f"host h1: has a record that cannot be read, got {text[:80]!r}\n"
        f"  hint: look at the files in {tmp_path} on the host; "
        "move away what is not Guesthouse's"
    )
    assert jobs == []


def test_the_file_of_a_bridge_is_the_one_that_is_rendered() -> None:
    golden = Path(__file__).parents[1] / "golden/everything/expected/hosts/h1/document.json"
    document = json.loads(golden.read_text())
    assert document["bridges"]
    assert all(bridge_file(name) in document["files"] for name in document["bridges"])
