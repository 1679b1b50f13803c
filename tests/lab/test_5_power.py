"""A guest's power state is declared, reached, seen when somebody changes it, and reached again;
who hangs or crashes is told."""

from __future__ import annotations

import json
import time

from lab_project import LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

# In a while, when the connection has ended well.
PANIC = "modprobe pvpanic-mmio; (sleep 8; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 </dev/null &"

HEALTHY = ("healthy", "its agent answers")
HUNG = ("hung", "its agent does not answer, its kernel does")
CRASHED = ("crashed", "its kernel panicked")


def _declare(lab: LabProject, power: str, on_crash: str = "restart") -> None:
    site = lab.site
    plain = "\n".join(line for line in site.read_text().splitlines() if "# this test" not in line)
    mine = f"  db:\n    power: {power} # this test\n    allow: [restart] # this test\n"
    mine += f"    on_crash: {on_crash} # this test\n"
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
    boot = lab.boot_id("db")
    lab.host("virsh -q suspend db")
    lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert lab.boot_id("db") == boot


def _health(lab: LabProject, *wanted: str) -> tuple[str, str]:
    """What `status` says of db, health and reason, once it says ``wanted``, or after a minute."""
    for _ in range(12):
        result = lab.run("status", "lab", "--json")
        found = f"exit code {result.returncode}", result.stderr
        if result.returncode == 0:
            db = json.loads(result.stdout)["guests"]["db"]
            found = str(db.get("health", db["state"])), str(db.get("reason", ""))
        if found == wanted:
            break
        time.sleep(5)
    return found


def test_who_hangs_and_who_crashes_is_told(deployed: LabProject) -> None:
    lab = deployed
    assert _health(lab, *HEALTHY) == HEALTHY
    lab.guest("db", "sudo -n pkill -STOP qemu-ga")
    assert _health(lab, *HUNG) == HUNG
    lab.guest("db", "sudo -n pkill -CONT qemu-ga")
    assert _health(lab, *HEALTHY) == HEALTHY
    try:
        _declare(lab, "running", on_crash="preserve")
        assert "db: on_crash restart -> preserve (live)" in lab.guesthouse("up", "lab", "--yes")
        lab.guest("db", f"sudo -n sh -c '{PANIC}'")
        assert _health(lab, *CRASHED) == CRASHED
    finally:
        _declare(lab, "running")
        told = lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert "power crashed -> running (live)" in told
    assert _health(lab, *HEALTHY) == HEALTHY
    lab.guesthouse("verify", "lab")
