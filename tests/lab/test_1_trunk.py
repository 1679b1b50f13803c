"""The containers' trunk, joined to that of an emulated pair: a socket stands for the pair."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from lab_project import LabProject

from guesthouse.lab import hubs, process, relay, state, trunk
from guesthouse.lab.host import CONTAINER, EMULATED, LabHost
from guesthouse.lab.state import Folder

KIND = CONTAINER

PAIR = (
    LabHost("p1", 3, 1, "", EMULATED, after="p2"),
    LabHost("p2", 4, 1, "", EMULATED, before="p1"),
)
MAC, ADDRESS, H1 = bytes.fromhex("5254006c0203"), bytes([10, 90, 0, 3]), bytes([10, 90, 0, 1])
# Who has h1's address? RFC 826, in Ethernet's broadcast.
ASK = (
    b"\xff" * 6 + MAC + bytes.fromhex("0806" "0001080006040001") + MAC + ADDRESS + bytes(6) + H1
).ljust(60, b"\0")  # fmt: skip


def answers(pair: socket.socket) -> bool:
    """Whether h1 answers, of whatever else comes."""
    for _ in range(20):
        pair.sendto(ASK, hubs.joined(PAIR[0]))
        try:
            while True:
                frame = pair.recv(2000)
                if frame[:6] == MAC and frame[12:14] == b"\x08\x06" and frame[28:32] == H1:
                    return True
        except TimeoutError:
            pass
    return False


def test_the_pairs_trunk_is_the_containers(
    deployed: LabProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(deployed.root.resolve())
    monkeypatch.chdir(folder.lab)
    record = state.load(folder)
    assert record
    Path(hubs.join(PAIR[0])).unlink(missing_ok=True)
    both = replace(record, hosts=(*record.hosts, *PAIR))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as pair:
        pair.settimeout(0.5)
        pair.bind(hubs.join(PAIR[0]))
        for _ in range(2):
            trunk.join(folder, both)
            assert answers(pair)
            passing = process.read(folder.lab / f"{hubs.joined(PAIR[0])}{relay.SUFFIX}")
            trunk.join(folder, both)
            assert passing and passing.alive()
            # It is there again when it is asked for again.
            os.kill(passing.pid, signal.SIGKILL)
            assert process.wait_gone(passing, 10)
