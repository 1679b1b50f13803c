"""Limits that somebody set by hand are seen, each by its name, and taken away."""

from __future__ import annotations

from drift import PAIR_DRIFTS
from lab_project import LabProject

from guesthouse.lab.host import EMULATED

KIND = EMULATED


def test_hand_made_limits_are_all_seen_and_all_taken_away(deployed: LabProject) -> None:
    boot = deployed.boot_id("near")
    for drift in PAIR_DRIFTS:
        deployed.host(drift.command)
    told = deployed.run("preview", "lab", "--refresh").stdout
    assert [drift.said for drift in PAIR_DRIFTS if not drift.is_said(told)] == []
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    deployed.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
    assert [f["id"] for f in deployed.findings() if f["status"] != "passed"] == []
    assert deployed.boot_id("near") == boot
