"""Who is healthy, hung or crashed, from libvirt's numbers and what was heard of the guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guesthouse.facts.health import LATE_S, health
from guesthouse.facts.status import status

RECORDED = (Path(__file__).parent / "recorded_facts" / "status.txt").read_text()


@pytest.mark.parametrize(
    ("seen", "word", "reason"),
    [
        ((1, 1, "answers", None), "healthy", "its agent answers"),
        ((1, 9, "answers", 3), "healthy", "its agent answers, started again after a crash"),
        ((1, 1, "silent", 3), "hung", "its agent does not answer, its kernel does"),
        ((1, 1, "silent", LATE_S + 1), "hung", "its agent does not answer, nor does its kernel"),
        ((1, 1, "none", LATE_S), "healthy", "its kernel answers, no agent"),
        ((2, 1, "none", 500), "hung", "its kernel was last heard 500 s ago, no agent"),
        ((1, 1, "none", None), "unknown", "neither agent nor kernel was heard yet"),
        ((1, 1, "", 3), "", ""),
        ((6, 1, "", 3), "crashed", "its kernel panicked"),
        ((3, 10, "", 3), "crashed", "its kernel panicked"),
        ((3, 5, "", 3), "hung", "a disk of it does not take its writes: is the pool full?"),
        ((3, 6, "", 3), "hung", "its watchdog ran out"),
        ((5, 3, "", None), "crashed", "its QEMU process ended by itself"),
        ((5, 2, "", None), "", ""),
        ((3, 1, "", 3), "", ""),
    ],
)
def test_health(seen: tuple[int, int, str, int | None], word: str, reason: str) -> None:
    assert health(*seen) == (word, reason)


def test_agents_are_heard_by_name() -> None:
    heard = "== a agents 1240.00 1\nclock 1795449255\nagent silent db\nagent none hv1\n"
    guests = status().parse(RECORDED.replace("== b time", f"{heard}== b time")).guests
    assert (guests["db"].health, guests["hv1"].health) == ("hung", "unknown")
    assert guests["db"].reason == "its agent does not answer, its kernel does"


# What virsh says of an agent, as libvirt 11.3 words it.
VIRSH = """\
case "$*" in
  *"list --name"*) printf 'up\\ndown\\nstuck\\n\\n' ;;
  *"--timeout 3 -- up "*) echo '{"return":{}}' ;;
  *"--timeout 3 -- down "*)
    echo "error: Guest agent is not responding: QEMU guest agent is not connected" >&2; exit 1 ;;
  *"--timeout 3 -- stuck "*)
    echo "error: Guest agent is not responding: Guest agent not available for now" >&2; exit 1 ;;
  *domstats*) ;;
esac
"""


def test_the_question_asks_every_running_guest(tmp_path: Path) -> None:
    virsh = tmp_path / "virsh"
    virsh.write_text(f"#!/bin/sh\n{VIRSH}")
    virsh.chmod(0o755)
    run = subprocess.run(
        ["sh", "-c", status(0.1).command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    agents = {line for line in run.stdout.splitlines() if line.startswith("agent ")}
    assert agents == {"agent answers up", "agent none down", "agent silent stuck"}
