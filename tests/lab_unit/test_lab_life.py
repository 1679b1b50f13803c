"""The lab's life around the boot: nothing there, a QEMU that dies, a lab taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import boot, emulated, lab, process, state
from guesthouse.lab.accelerator import QEMU
from guesthouse.lab.host import CONTAINER, EMULATED, LabHost, Wanted
from guesthouse.lab.ports import free_ports
from guesthouse.lab.state import Folder, Record
from guesthouse.lab.tools import run

WANTED = (Wanted("h1", EMULATED), Wanted("h2", EMULATED))


def silent(_: str) -> None:
    """Progress that nobody reads."""


def prepared(root: Path) -> tuple[Folder, Record]:
    """A lab whose host image is a disk beside a file that is no kernel."""
    folder = Folder(root)
    folder.lab.mkdir(parents=True)
    image = root / "image"
    image.mkdir()
    run("qemu-img", "create", "-q", "-f", "qcow2", image / "host.qcow2", "1M")
    for name in ("vmlinuz", "initrd"):
        (image / name).write_bytes(b"no kernel")
    one, two = free_ports(2)
    hosts = (
        LabHost("h1", 1, one, "ssh-ed25519 A", EMULATED, after="h2"),
        LabHost("h2", 2, two, "ssh-ed25519 A", EMULATED, before="h1"),
    )
    record = Record("tcg", QEMU, hosts, host_image=str(image), images=(), one_segment=False)
    state.write_ssh_config(folder, record.hosts)
    state.save(folder.state, record.text())
    return folder, record


def test_no_lab_is_no_error(tmp_path: Path) -> None:
    assert lab.status(tmp_path) is None
    assert lab.endpoints(tmp_path) == ()
    assert lab.down(tmp_path, silent) is False
    assert list(tmp_path.iterdir()) == []


def test_a_qemu_that_dies_is_told_at_once_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel of h2 is none: QEMU ends before it boots, whatever h1 does."""
    folder, record = prepared(tmp_path)
    emulated.start(folder, record.hosts[1], record, silent)
    monkeypatch.setattr(boot, "answers", lambda _, host: host.name == "h1")
    said: list[str] = []
    with pytest.raises(LabError) as caught:
        boot.wait_ready(folder, record, [record.hosts[1]], said.append)
    assert said[0].startswith("host h1: up after ")
    text = str(caught.value)
    assert text.startswith("host h2: QEMU ended after ")
    assert "linux kernel too old" in text
    assert text.endswith("the whole log is in that file; `guesthouse lab down` clears the lab")
    status = lab.status(tmp_path)
    assert status is not None
    assert not status.running
    assert [item.running for item in status.hosts] == [False, False]


# A QEMU that fails an assertion of its own in its first starts, and then runs.
CRASHING = """#!/bin/sh
echo . >> starts
[ "$(wc -l < starts)" -gt {crashes} ] && exec sleep 60
cat >&2 <<'WORDS'
qemu-system-x86_64: physmem.c:2678: f: Assertion `x < y' failed.
WORDS
kill -ABRT $$
"""


def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crashes: int) -> list[str]:
    """Starts h1 with a QEMU that crashes so often, and waits until it runs; what was said."""
    folder, record = prepared(tmp_path)
    program = tmp_path / "crashing"
    program.write_text(CRASHING.replace("{crashes}", str(crashes)))
    program.chmod(0o755)
    record = replace(record, qemu=str(program))
    starts = folder.lab / "starts"
    # It takes none of its ports, which others may take meanwhile.
    monkeypatch.setattr(emulated, "is_free", lambda _: True)
    runs = lambda: starts.exists() and len(starts.read_text().split()) > crashes  # noqa: E731
    monkeypatch.setattr(boot, "answers", lambda _, host: host.name == "h2" or runs())
    said: list[str] = []
    with lab.ended_on_failure(folder, silent) as started:
        lab.start_missing(folder, replace(record, hosts=record.hosts[:1]), started, silent)
        try:
            boot.wait_ready(folder, record, started, said.append)
        finally:
            boot.stop(folder, record.hosts[0], silent)
    return said


CRASHED = "host h1: QEMU crashed: qemu-system-x86_64: physmem.c:2678: f: Assertion `x < y' failed."


def test_a_qemu_that_crashes_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = crashing(tmp_path, monkeypatch, 2)
    again = "host h1: starting again from its disk (tcg)"
    *crashes, end = [words for words in said if words.startswith("host h1: ")]
    assert crashes == [CRASHED, again, CRASHED, again]
    assert end.startswith("host h1: up after ")


def test_a_qemu_that_always_crashes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LabError, match=r"host h1: QEMU ended after .*\n?.*Assertion `x < y'"):
        crashing(tmp_path, monkeypatch, 99)
    assert len((tmp_path / ".guesthouse/lab/starts").read_text().split()) == 3


def test_an_interrupted_start_ends_what_it_started(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    host = record.hosts[0]
    argv = ["sleep", "60"]
    with pytest.raises(KeyboardInterrupt), lab.ended_on_failure(folder, silent) as started:
        started.append(host)
        running = process.start(argv, folder.lab, folder.lab / "log", folder.lab / host.pidfile)
        raise KeyboardInterrupt
    assert not running.alive()
    assert not (folder.lab / host.pidfile).exists()


def test_a_lost_image_is_told_before_anything_starts(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    lost = replace(record, host_image=str(tmp_path / "gone"))
    with pytest.raises(LabError) as caught:
        boot.start(folder, record.hosts[0], lost, silent)
    assert str(caught.value) == (
        f"host h1: its image {tmp_path / 'gone'} is gone\n"
        "  hint: run `guesthouse lab down`, then `guesthouse lab up`"
    )


PAIR = "h1 (emulated), h2 (emulated)"
DOWN = "hint: run `guesthouse lab down`, then `guesthouse lab up` for a new one"


@pytest.mark.parametrize(("has", "wanted"), [(True, None), (False, None), (True, True)])
def test_a_lab_keeps_the_segments_it_has(tmp_path: Path, has: bool, wanted: bool | None) -> None:
    _, record = prepared(tmp_path)
    lab.check_same(replace(record, one_segment=has), WANTED, wanted)


@pytest.mark.parametrize(
    ("has", "words"),
    [
        (False, "lab: has two separate wires, and keeps them so"),
        (True, "lab: has its two wires on one segment, and keeps them so"),
    ],
)
def test_other_segments_are_another_lab(tmp_path: Path, has: bool, words: str) -> None:
    folder, record = prepared(tmp_path)
    state.save(folder.state, replace(record, one_segment=has).text())
    with pytest.raises(LabError) as caught:
        lab.up(tmp_path, WANTED, (), silent, one_segment=not has)
    assert str(caught.value) == f"{words}\n  {DOWN}"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ((Wanted("h1", CONTAINER), Wanted("h2", CONTAINER)), "h1 (container), h2 (container)"),
        ((*WANTED, Wanted("c1", CONTAINER, ("storage",))), f"c1 (container) storage, {PAIR}"),
        ((Wanted("a", CONTAINER),), "a (container)"),
    ],
)
def test_a_lab_of_other_hosts_is_another_lab(
    tmp_path: Path, wanted: tuple[Wanted, ...], told: str
) -> None:
    folder, record = prepared(tmp_path)
    lab.check_same(record, WANTED[::-1], None)
    state.save(folder.state, record.text())
    with pytest.raises(LabError) as caught:
        lab.up(tmp_path, wanted, (), silent)
    assert str(caught.value) == (
        f"lab: was made with other hosts, got {PAIR}, allowed {told}\n  {DOWN}"
    )


def test_hosts_start_side_by_side_and_a_running_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, record = prepared(tmp_path)
    begun: list[str] = []
    monkeypatch.setattr(boot, "start", lambda _f, host, _r, _s: begun.append(host.name))
    lab.start_missing(folder, record, [], silent)
    assert begun == ["h1", "h2"]
    pidfile = folder.lab / record.hosts[0].pidfile
    running = process.start(["sleep", "60"], folder.lab, folder.lab / "log", pidfile)
    try:
        lab.start_missing(folder, record, [], silent)
    finally:
        process.end(running)
    assert begun == ["h1", "h2", "h2"]


def test_down_removes_the_lab_and_only_the_lab(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    lab.publish(folder, record)
    (tmp_path / ".guesthouse" / "passphrase").write_text("kept")
    running = process.start(
        ["sleep", "60"], folder.lab, folder.lab / "log", folder.lab / record.hosts[0].pidfile
    )
    said: list[str] = []
    assert lab.down(tmp_path, said.append) is True
    assert said == ["host h1: stopping"]
    assert not running.alive()
    assert [p.name for p in (tmp_path / ".guesthouse").iterdir()] == ["passphrase"]
