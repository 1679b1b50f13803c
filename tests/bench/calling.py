"""What a guest costs in calls to libvirt, and a change of it in time to say what it costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cases
from bench.rows import Figure, Row
from guesthouse.components import inputs
from guesthouse.effects import room
from guesthouse.provider import changes, guest_state

TESTS = Path(__file__).resolve().parents[1]
PRIVATE = TESTS.parent / "engine" / "libvirt" / "private-libvirtd.sh"


def rows(quick: bool) -> list[Row | Figure]:
    """Calls of create, update and delete together, counted on the wire; upstream updates by a
    restart, and its guest has no seed."""
    ours, stock = calls(), calls("--control")
    told = "; ".join(f"{op} {ours[op]} to {stock[op]}" for op in ours)
    row = Row(
        f"libvirt calls of a guest's life ({told})",
        "pulumi_libvirt",
        0.5,
        ours=sum(ours.values()),
        peer=sum(stock.values()),
        unit="calls",
    )
    return [row, Figure("say what a typical change costs", f"{classify_ms(300):.2f} ms (goal 2)")]


def calls(*options: str) -> Mapping[str, int]:
    """Calls by operation, on a libvirtd of our own."""
    argv = [str(PRIVATE), sys.executable, str(TESTS / "faults"), "--count", *options]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)
    return dict(json.loads(result.stdout.splitlines()[-1]))


def classify_ms(rounds: int) -> float:
    """The median time of the changes of memory and vCPUs of a running guest."""
    state, wanted = _change()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        found = changes.changes(state, wanted)
        taken.append((time.perf_counter() - start) * 1000)
    assert [change.what for change in found] == ["memory", "vcpus"]
    return statistics.median(taken)


def _change() -> tuple[dict[str, Any], dict[str, Any]]:
    plan, document = cases.site_plan("reference"), cases.guest_documents("reference")["web"]
    guest = plan.guests["web"]
    now = {**inputs.guest_inputs(plan.hosts[guest.host], guest, document), "secrets": {}}
    text = str(now["domain_xml"])
    wanted = {**now, "domain_xml": text.replace(">524288<", ">786432<").replace('="1">4', '="2">4')}
    limits = {"room": room(text).values(), "running_xml": ""}
    return {**now, **limits, "declared": guest_state.declared(now)}, wanted
