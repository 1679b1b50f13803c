"""A guest's power state is declared, reached, seen when somebody changes it, and reached again."""

from __future__ import annotations

from lab_project import LabProject


def _declare(lab: LabProject, power: str) -> None:
    site = lab.root / "stacks/lab.site.yaml"
    plain = "\n".join(line for line in site.read_text().splitlines() if "# this test" not in line)
    mine = f"  db:\n    power: {power} # this test\n    allow: [restart] # this test\n"
    site.write_text(plain.replace("  db:\n", mine) + "\n")


def _state(lab: LabProject) -> str:
    return lab.host("virsh domstate db").strip()


def test_stopped_paused_and_running_again(deployed: LabProject) -> None:
    lab = deployed
    try:
        _declare(lab, "stopped")
        assert "db: power running -> stopped (restart)" in lab.guesthouse("up", "lab", "--yes")
        assert _state(lab) == "shut off"
        lab.guesthouse("verify", "lab")
        lab.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
        lab.host("virsh -q start db --paused")
        told = lab.run("preview", "lab", "--refresh").stdout
        assert "db: power paused -> stopped (restart)" in told
        _declare(lab, "paused")
        lab.guesthouse("up", "lab", "--yes", "--refresh")
        assert _state(lab) == "paused"
        lab.guesthouse("verify", "lab")
    finally:
        _declare(lab, "running")
        lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert _state(lab) == "running"
    lab.guesthouse("verify", "lab")
    boot = lab.guest("db", "cat /proc/sys/kernel/random/boot_id")
    lab.host("virsh -q suspend db")
    lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert lab.guest("db", "cat /proc/sys/kernel/random/boot_id") == boot
