"""What somebody changed by hand is seen, each thing by its name, and put right; nothing else is."""

from __future__ import annotations

from drift import DRIFTS, EXTRA
from lab_project import LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER


def test_hand_made_changes_are_all_seen_and_all_put_right(deployed: LabProject) -> None:
    boots = {name: deployed.boot_id(name) for name in ("web", "db")}
    for drift in DRIFTS:
        deployed.host(drift.command)
    told = deployed.run("preview", "lab", "--refresh").stdout
    assert [drift.said for drift in DRIFTS if not drift.is_said(told)] == []
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    deployed.host(f"rm {EXTRA}")
    deployed.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
    assert [f["id"] for f in deployed.findings() if f["status"] != "passed"] == []
    assert {name: deployed.boot_id(name) for name in boots} == boots
