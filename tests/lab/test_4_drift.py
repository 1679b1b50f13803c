"""What somebody changed by hand is seen, each thing by its name, and put right; nothing else is."""

from __future__ import annotations

from drift import DRIFTS, EXTRA, Drift
from lab_project import LabProject


def test_hand_made_changes_are_all_seen_and_all_put_right(deployed: LabProject) -> None:
    boots = {name: _boot(deployed, name) for name in ("web", "db")}
    for drift in DRIFTS:
        deployed.host(drift.command)
    told = deployed.run("preview", "lab", "--refresh").stdout
    assert [drift.said for drift in DRIFTS if not _is_said(told, drift)] == []
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    deployed.host(f"rm {EXTRA}")
    deployed.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
    assert [f["id"] for f in deployed.findings() if f["status"] != "passed"] == []
    assert {name: _boot(deployed, name) for name in boots} == boots


def _is_said(told: str, drift: Drift) -> bool:
    lines = [line for line in told.splitlines() if line.strip().startswith(f"{drift.guest}: ")]
    return any(drift.said in line for line in lines)


def _boot(lab: LabProject, name: str) -> str:
    return lab.guest(name, "cat /proc/sys/kernel/random/boot_id")
