"""One odd machine is a finding of that machine: nothing raises, and the others are judged as
before."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from machine_answers import cases, findings

from guesthouse.checks import Finding
from guesthouse.facts import counters, status

CASES = dict(cases())
CONTROL = findings({})
RECORDED = Path(__file__).parent / "recorded_facts"
# What is odd -> (what stands in web's domstats, what stands there instead).
NUMBERS = {
    "a word": ("  state.state=1\n", "  state.state=on\n"),
    "a state that is none": ("  state.state=1\n", "  state.state=99\n"),
    "huge": ("  state.state=1\n", f"  state.state={'9' * 100_000}\n"),
    "beyond 64 bits": ("  balloon.current=524288\n", f"  balloon.current={'9' * 400}\n"),
    "nothing": ("  balloon.current=524288\n", "  balloon.current=\n"),
    "NUL": ("  balloon.current=524288\n", "  balloon.current=\0\n"),
    "NaN": ("  balloon.current=524288\n", "  balloon.current=nan\n"),
}


def of(found: list[Finding], name: str) -> list[Finding]:
    """What was found of a guest: on its host and inside."""
    return [f for f in found if f.machine == name or f.path.startswith(f"guests.{name}.")]


def test_right_machines_are_judged() -> None:
    """The control of all cases: parts that are right are read."""
    passed = {f.id for f in CONTROL if f.status == "passed"}
    assert {"h1: hosts.h1.packages.ethtool", "web: guests.web ssh"} <= passed
    assert not [f for f in CONTROL if "cannot be read" in f.seen]


@pytest.mark.parametrize("case", CASES)
def test_an_odd_machine_is_a_finding(case: str) -> None:
    begun = time.monotonic()
    found = findings(CASES[case])
    assert time.monotonic() - begun < 5
    assert [f.id for f in found] == [f.id for f in CONTROL]
    if not case.startswith("h1: "):
        assert of(found, "db") == of(CONTROL, "db")
    "".join(f.seen for f in found).encode()
    assert max(len(f.seen) for f in found) <= 4096


def test_all_odd_machines_cost_little_memory() -> None:
    program = Path(__file__).with_name("machine_answers.py")
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) < 300


@pytest.mark.parametrize("odd", NUMBERS)
def test_odd_numbers_of_a_guest_leave_the_others(odd: str) -> None:
    old, new = NUMBERS[odd]
    text = (RECORDED / "counters.txt").read_text()
    before, mark, web = text.partition("Domain: 'web'\n")
    right, told = (
        counters.counters().parse(before + mark + rest) for rest in (web, web.replace(old, new, 1))
    )
    assert (told.host, told.pools, told.guests["db"]) == (
        *(right.host, right.pools, right.guests["db"]),
    )
    assert right.guests["web"].health == "healthy"
    assert told.guests["web"].health == "unknown"
    assert told.guests["web"].reason.startswith("its answer cannot be read: ")


@pytest.mark.parametrize("state", ["on", "99", "9" * 400, ""])
def test_an_odd_state_of_a_guest_leaves_the_others(state: str) -> None:
    text = (RECORDED / "status.txt").read_text()
    right = status.status().parse(text)
    before, mark, web = text.rpartition("Domain: 'web'\n")
    odd = web.replace("  state.state=1\n", f"  state.state={state}\n", 1)
    assert odd != web
    told = status.status().parse(before + mark + odd)
    assert told.host == right.host
    others = {name: guest for name, guest in right.guests.items() if name != "web"}
    assert {name: guest for name, guest in told.guests.items() if name != "web"} == others
    assert (told.guests["web"].state, told.guests["web"].health) == ("no state", "unknown")
