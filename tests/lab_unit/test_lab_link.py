"""The link of a host: what is noted of it, who may say what, and what QEMU is told."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guesthouse.cli.app import run
from guesthouse.errors import LabError
from guesthouse.lab import boot, emulated, hubs, lab, process, qmp, relay, state
from guesthouse.lab.host import CUT, EMULATED, WHOLE, LabHost, Link
from guesthouse.lab.state import Folder, Record
from scratch import scratch_project

H1 = LabHost("h1", 1, 40022, "ssh-ed25519 AAAAhost", EMULATED, after="h2")
H2 = LabHost("h2", 2, 40023, "ssh-ed25519 AAAAother", EMULATED, before="h1")
RECORD = Record("tcg", "qemu", (H1, H2), "/cache/host-1", (), one_segment=False)
SLOW = Link(delay_ms=100, loss_percent=5)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A lab whose h1 runs."""
    made = Folder(scratch_project(tmp_path / "project"))
    made.lab.mkdir()
    state.save(made.state, RECORD.text())
    return made


@contextmanager
def running(folder: Folder, name: str) -> Iterator[None]:
    """A process that the pid file ``name`` is of."""
    started = process.start(["sleep", "60"], folder.lab, folder.lab / "log", folder.lab / name)
    try:
        yield
    finally:
        process.end(started)


@pytest.fixture
def told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Link]]:
    """What h1, which runs, is told."""
    links: list[Link] = []
    monkeypatch.setattr(emulated, "link", lambda _folder, _host, link: links.append(link))
    monkeypatch.chdir(folder.root)
    with running(folder, H1.pidfile):
        yield links


def hosts(capfd: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    capfd.readouterr()
    assert run(["lab", "status", "--json"]) == 0
    return dict(json.loads(capfd.readouterr().out)["hosts"])


@pytest.mark.parametrize(
    ("words", "link", "said"),
    [
        (["down"], CUT, "down"),
        (["up"], WHOLE, "up"),
        (["up", "--delay-ms", "0"], WHOLE, "up"),
        (["up", "--delay-ms", "100", "--loss-percent", "5"], SLOW, "slow: 100 ms, 5 %"),
        (["up", "--loss-percent", "100"], Link(loss_percent=100), "slow: 0 ms, 100 %"),
        (["up", "--delay-ms", "10000"], Link(delay_ms=10_000), "slow: 10000 ms, 0 %"),
    ],
)
def test_the_status_says_what_the_link_was_made(
    words: list[str],
    link: Link,
    said: str,
    folder: Folder,
    told: list[Link],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with running(folder, f"h1{relay.SUFFIX}"):
        assert run(["lab", "link", "h1", *words]) == 0
        assert capfd.readouterr().err == f"host h1: link {said}\n"
        assert told == [link]
        got = hosts(capfd)
        values = {"delay_ms": link.delay_ms, "loss_percent": link.loss_percent}
        up = "up" if link.up else "down"
        assert {key: got["h1"][key] for key in ("link", *values)} == {"link": up, **values}
        assert {key: got["h2"][key] for key in ("link", *values)} == {
            "link": "up",
            "delay_ms": 0,
            "loss_percent": 0,
        }
        run(["lab", "status"])
        [line] = [line for line in capfd.readouterr().out.splitlines() if line.startswith("h1 ")]
        assert line.rstrip().endswith(f"h1.serial.log  {said}")


def test_a_slow_link_without_its_process_is_down(folder: Folder, told: list[Link]) -> None:
    boot.link(folder, H1, SLOW)
    assert boot.seen_link(folder, H1) == CUT


def test_a_host_that_starts_or_stops_has_its_link_whole(
    folder: Folder, told: list[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulated, "start", lambda *_: None)
    monkeypatch.setattr(emulated, "stop", lambda *_: None)
    for change in (boot.start, boot.stop):
        words = (RECORD, lambda _: None) if change is boot.start else (lambda _: None,)
        with running(folder, f"h1{relay.SUFFIX}"):
            boot.link(folder, H1, SLOW)
            assert boot.seen_link(folder, H1) == SLOW
            change(folder, H1, *words)
            assert not relay.runs(folder.lab, "h1")
        assert boot.seen_link(folder, H1) == WHOLE


def test_what_passes_frames_ends_with_the_lab(folder: Folder) -> None:
    with running(folder, f"h1{relay.SUFFIX}"):
        passing = process.read(folder.lab / f"h1{relay.SUFFIX}")
        lab.down(folder.root, lambda _: None)
        assert passing and not passing.alive()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["down", "--delay-ms", "5"], "delay and loss are for a link that is up"),
        (["down", "--loss-percent", "0"], "delay and loss are for a link that is up"),
        (["up", "--delay-ms", "10001"], "'--delay-ms'"),
        (["up", "--delay-ms", "-1"], "'--delay-ms'"),
        (["up", "--loss-percent", "101"], "'--loss-percent'"),
        (["up", "--loss-percent", "5.5"], "'--loss-percent'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_happens(
    words: list[str], said: str, told: list[Link], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["lab", "link", "h1", *words]) == 2
    assert said in capfd.readouterr().err
    assert told == []


def test_a_host_without_power_has_no_link(
    told: list[Link], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["lab", "link", "h2", "up", "--delay-ms", "5"]) == 6
    said = "error: host h2: has no power\n  hint: run: guesthouse lab power h2 on\n"
    assert capfd.readouterr().err == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"up": 1, "delay_ms": 1, "loss_percent": 1}',
        '{"up": true, "delay_ms": "1", "loss_percent": 1}',
        '{"up": true, "delay_ms": true, "loss_percent": true}',
        '{"up": true}',
    ],
)
def test_what_is_no_record_of_a_link_is_said(folder: Folder, text: str) -> None:
    path = folder.lab / H1.link
    path.write_text(text)
    with pytest.raises(LabError) as caught:
        state.load_link(folder, H1)
    assert str(caught.value) == (
        f"{path}: is not a record of a link\n  hint: run: guesthouse lab link h1 up"
    )


def test_the_record_is_read_under_the_lock(
    folder: Folder, told: list[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the lock takes the lab away: what waits for it must not go by the old record."""
    locked = lab.locked

    @contextmanager
    def late(of: Folder) -> Iterator[None]:
        with locked(of):
            state.save(of.state, replace(RECORD, hosts=(H2,)).text())
            yield

    monkeypatch.setattr(lab, "locked", late)
    for call in (
        lambda: lab.link(folder.root, "h1", CUT),
        lambda: lab.power(folder.root, "h1", False, lambda _: None),
    ):
        state.save(folder.state, RECORD.text())
        with pytest.raises(LabError, match="lab: has no such host, got h1, allowed h2"):
            call()


def test_a_qemu_that_does_not_answer_is_said(folder: Folder) -> None:
    with pytest.raises(LabError, match="host h1: its QEMU does not do what it is told, got "):
        emulated.link(folder, H1, CUT)


class Plug:
    """What hangs on a wire of a QEMU: a socket, and the path of QEMU's."""

    def __init__(self, own: str, qemu: str) -> None:
        self.qemu = qemu
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(own)

    def send(self) -> None:
        self.socket.sendto(bytes(60), self.qemu)

    def got(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            return bool(self.socket.recv(2000))
        except TimeoutError:
            return False


@pytest.fixture
def plugs(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Plug]]:
    """A QEMU with h1's trunk: what hangs in the place of its NIC, of h2 and of the containers."""
    monkeypatch.chdir(folder.lab)
    argv = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none"]
    argv += ["-qmp", f"unix:{H1.qmp},server=on,wait=off", *hubs.trunk(H1)]
    argv += hubs.wire("nic", hubs.NIC_HUB, "nic.in", "nic.out")
    names = {"nic.out": "nic.in", "h2.trunk.before": "h1.trunk.after", "h1.joined": "h1.join"}
    made = [Plug(own, qemu) for own, qemu in names.items()]
    qemu = process.start(argv, folder.lab, folder.lab / "log", folder.lab / H1.pidfile)
    try:
        deadline = time.monotonic() + 30
        while not (folder.lab / H1.qmp).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert qmp.command(folder.lab / H1.qmp, "query-status", 20)["status"] == "running"
        yield made
    finally:
        process.end(qemu)
        relay.end_all(folder.lab)


def reached(plugs: list[Plug], source: int, wanted: list[bool]) -> bool:
    """Whether the wanted ones get a frame that one of them sends, and no other."""
    plugs[source].send()
    waits = [20 if there else 0.3 for there in wanted]
    return [plug.got(wait) for plug, wait in zip(plugs, waits, strict=True)] == wanted


def test_a_real_qemu_slows_one_trunk_and_not_who_passes_by(
    folder: Folder, plugs: list[Plug]
) -> None:
    nic, far, joined = plugs
    for _ in range(2):
        assert reached(plugs, 0, [False, True, True])
        assert reached(plugs, 1, [True, False, True])
        assert reached(plugs, 2, [True, True, False])
        emulated.link(folder, H1, Link(loss_percent=100))
        assert reached(plugs, 0, [False, False, False])
        assert reached(plugs, 1, [False, False, True])
        assert reached(plugs, 2, [False, True, False])
        emulated.link(folder, H1, Link(delay_ms=700))
        for source, target in ((nic, far), (joined, nic)):
            begin = time.monotonic()
            source.send()
            assert target.got(20) and time.monotonic() - begin >= 0.7
        assert joined.got(20) and far.got(20)
        emulated.link(folder, H1, WHOLE)
    assert not relay.runs(folder.lab, "h1")
