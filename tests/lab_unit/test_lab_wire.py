"""What passes frames between two ends: late, with loss, and never waiting for who is not there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import relay, wire
from guesthouse.lab.host import WHOLE, Link

ENDS = [*relay.sockets("a.in", "a.out"), *relay.sockets("b.in", "b.out")]


class Peer:
    """What QEMU has: a socket of its own, and the path of the wire's."""

    def __init__(self, name: str) -> None:
        self.wire = f"{name}.in"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(f"{name}.out")

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.socket.sendto(frame, self.wire)

    def receive(self, count: int) -> list[bytes]:
        return [self.socket.recv(65536) for _ in range(count)]

    def has_nothing(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(65536)
        except TimeoutError:
            return True
        return False


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def started(link: Link = WHOLE) -> Iterator[subprocess.Popen[str]]:
    """The command, with both ends ready."""
    argv = relay.command(ENDS, link)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{wire.READY}\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def peers() -> tuple[Peer, Peer]:
    return Peer("a"), Peer("b")


def test_all_frames_pass_in_order_both_ways(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    frames = [bytes([number]) * 60 for number in range(200)]
    with started():
        for source, target in ((a, b), (b, a)):
            for frame in frames:
                source.send(frame)
                assert target.receive(1) == [frame]


@pytest.mark.parametrize("there", ["a", "b"])
def test_each_way_is_late(peers: tuple[Peer, Peer], there: str) -> None:
    source, target = peers if there == "a" else peers[::-1]
    with started(Link(delay_ms=300)):
        begin = time.monotonic()
        source.send(b"one", b"two")
        assert target.receive(2) == [b"one", b"two"]
        assert time.monotonic() - begin >= 0.3


def test_what_is_late_does_not_hold_up_the_next(peers: tuple[Peer, Peer]) -> None:
    """Ten frames that are under way at once are not ten times as late."""
    a, b = peers
    with started(Link(delay_ms=2000)):
        begin = time.monotonic()
        for number in range(10):
            a.send(bytes([number]) * 60)
            time.sleep(0.05)
        b.receive(10)
        assert 2 <= time.monotonic() - begin < 10


def test_all_is_lost_at_100_percent(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    with started(Link(loss_percent=100)):
        for _ in range(100):
            a.send(b"frame")
            b.send(b"frame")
        assert a.has_nothing(0.5) and b.has_nothing(0.1)


def test_some_are_lost_at_50_percent(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    got = 0
    with started(Link(loss_percent=50)):
        for _ in range(200):
            a.send(b"frame")
            got += not b.has_nothing(0.02)
    # So few or so many of 200 once in 10 ** 20 runs.
    assert 30 < got < 170


def test_an_absent_peer_loses_its_frames_and_no_more(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    with started() as process:
        # The path of a dead one is there, and nobody listens.
        b.socket.close()
        a.send(b"refused")
        time.sleep(0.1)
        Path("b.out").unlink()
        a.send(b"lost")
        time.sleep(0.1)
        back = Peer("b")
        a.send(b"again")
        assert back.receive(1) == [b"again"]
        back.send(b"answer")
        assert a.receive(1) == [b"answer"]
        assert process.poll() is None


def end(*frames: bytes) -> tuple[wire.End, list[bytes]]:
    """An end where these frames are, and what was sent there. It takes three."""
    coming, sent = list(frames), list[bytes]()

    def receive() -> bytes:
        if not coming:
            raise BlockingIOError
        return coming.pop(0)

    def send(frame: bytes) -> None:
        if len(sent) == 3:
            raise BlockingIOError
        sent.append(frame)

    return wire.End(-1, receive, send), sent


def test_a_frame_waits_for_room() -> None:
    target, sent = end()
    way = wire.Way(end(b"1", b"2", b"3", b"4", b"5")[0], target, 0, 0)
    way.take()
    way.give()
    assert sent == [b"1", b"2", b"3"]
    assert 0 < way.wait() <= wire.RETRY_S
    sent.clear()
    time.sleep(wire.RETRY_S)
    way.give()
    assert sent == [b"4", b"5"]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FRAMES", 5)
    way = wire.Way(end(*[b"frame"] * 20, b"x" * (wire.FRAME + 1))[0], end()[0], 60, 0)
    way.take()
    assert len(way.frames) == 5


def test_a_longer_frame_is_lost(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    with started():
        a.send(b"x" * (wire.FRAME + 1), b"x" * wire.FRAME)
        assert b.receive(1) == [b"x" * wire.FRAME]


def test_it_ends_by_sigterm_and_takes_a_dead_ones_place(peers: tuple[Peer, Peer]) -> None:
    a, b = peers
    for number in (signal.SIGTERM, signal.SIGKILL):
        with started() as process:
            a.send(b"frame")
            assert b.receive(1) == [b"frame"]
            os.kill(process.pid, number)
            assert process.wait(10) == -number


def test_it_ends_when_the_labs_folder_is_gone(peers: tuple[Peer, Peer]) -> None:
    with started() as process:
        Path("b.in").unlink()
        assert process.wait(20) == 0


def test_one_end_is_no_wire() -> None:
    argv = [sys.executable, "-I", "-m", wire.__name__, *ENDS[:3]]
    said = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (said.returncode, "a wire has two ends" in said.stderr) == (2, True)


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    argv = relay.command(relay.sockets("none/a", "none/b"), WHOLE)
    with pytest.raises(LabError) as caught:
        relay.start(argv, tmp_path, "h1")
    assert str(caught.value) == (
        "wire of h1: the process that passes its frames did not start, "
        "got wire: [Errno 2] No such file or directory"
    )
    assert not (tmp_path / f"h1{relay.SUFFIX}").exists()


def test_one_that_was_started_is_ended_by_its_name(tmp_path: Path) -> None:
    relay.start(relay.command(ENDS, WHOLE), tmp_path, "h1")
    assert relay.runs(tmp_path, "h1")
    relay.end(tmp_path, "h1")
    assert not relay.runs(tmp_path, "h1")
    relay.start(relay.command(ENDS, WHOLE), tmp_path, "h1")
    relay.end_all(tmp_path)
    assert not relay.runs(tmp_path, "h1") and not [*tmp_path.glob("*.relay")]
