"""`guesthouse measure` with one odd guest: its pairs are findings, the others are measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from measure_case import RECORDED, Machines

from guesthouse.cli.app import run


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(tmp_path, monkeypatch)


# What `ip -j address show` of one guest tells.
ADDRESSES = {
    "no JSON": "{",
    "no list": '{"a": 1}',
    "no interface": "[1]",
    "no addresses": '[{"ifname": "a", "addr_info": 7}]',
    "an address that is none": '[{"ifname": "a", "addr_info": [7]}]',
    "deep": "[" * 5000,
}
# What iperf3 -J of one guest tells.
RESULTS = {
    "nothing": "",
    "a list": '["{"]',
    "no end": "{}",
    "an end that is none": '{"end": 7}',
    "a word for a rate": json.dumps(
        {"end": {"sum_received": {"bits_per_second": "x", "bytes": 1}, "sum_sent": {}}}
    ),
    "a word for retransmits": json.dumps(
        {
            "end": {
                "sum_received": {"bits_per_second": 1.0, "bytes": 1},
                "sum_sent": {"retransmits": "x"},
            }
        }
    ),
    "too long a number": '{"end": ' + "9" * 5000 + "}",
}


def told(capsys: pytest.CaptureFixture[str], code: int) -> tuple[list[str], str]:
    """The rows of the table, and the errors."""
    assert run(["measure", "unit", "--seconds", "1", "--rounds", "1"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return [" ".join(line.split()) for line in out.splitlines()], err


def odd(machines: Machines, program: str, answer: str) -> None:
    """Guest `far` gives this answer by a program; its name is a word of ssh's."""
    (machines.folder / "odd").write_text(answer)
    sound = (machines.folder / program).read_text().removeprefix("#!/bin/sh\n")
    server = '*"-s -1"*' if program == "iperf3" else "never"
    text = f'#!/bin/sh\nif [ "$GUEST" = far ]; then case "$*" in {server}) ;; *) '
    (machines.folder / program).write_text(f"{text}exec cat odd;; esac; fi\n{sound}\n")
    ssh = 'for word; do case "$word" in far) export GUEST=far;; esac; done\n'
    old = (machines.folder / "ssh").read_text().removeprefix("#!/bin/sh\n")
    (machines.folder / "ssh").write_text(f"#!/bin/sh\n{ssh}{old}")


@pytest.mark.parametrize("answer", ADDRESSES.values(), ids=ADDRESSES)
def test_a_guest_with_odd_addresses(
    answer: str, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    odd(machines, "ip", answer)
    rows, err = told(capsys, 3)
    assert "web h1 db h1 lan virtio bridge 12530 12530..12530 17" in rows
    assert "error: web -> far over lan (virtio bridge): guest far: its answer cannot be read" in err
    assert "error: db -> far over lan (virtio bridge): guest far: its answer cannot be read" in err


@pytest.mark.parametrize("answer", RESULTS.values(), ids=RESULTS)
def test_a_guest_whose_iperf3_is_odd(
    answer: str, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    (machines.folder / "client.json").write_text(answer)
    rows, err = told(capsys, 3)
    assert rows[0] == "TCP throughput in unit"
    assert err.count("error: ") == 4


@pytest.mark.parametrize("program", ["ip", "iperf3"])
def test_sound_answers_are_measured(
    program: str, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = (machines.folder / "ip.json") if program == "ip" else RECORDED
    odd(machines, program, sound.read_text())
    rows, _ = told(capsys, 0)
    assert "web h1 far h2 lan virtio bridge 12530 12530..12530 17" in rows


def test_counters_of_any_length_are_no_crash() -> None:
    from guesthouse.facts.iperf import carried

    long = "9" * 5000
    assert carried(f"before a {long} 1\nafter a {long} 2\n", "received") == {}
    assert carried("before a 1 1\nafter a 1 3 \n", "sent") == {"a": 2}
