"""`guesthouse up` with the real engine on a real disk that runs full: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scratch import CHECKOUT

FREE_KIB = (0, 4, 8, 16, 24, 40, 64, 128, 400)


def point(folder: Path, how: str, where: str, free_kib: int) -> str:
    """What full_disk_engine.py says of one point."""
    program = str(Path(__file__).with_name("full_disk_engine.py"))
    namespace = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    argv = [*namespace, sys.executable, program, str(folder), how, where, str(free_kib)]
    paths = [str(CHECKOUT / name) for name in ("modules", "tests", "tests/provider")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("where", ["tmp", "copies"])
def test_a_full_disk_beside_the_state_loses_nothing(tmp_path: Path, where: str) -> None:
    found = point(tmp_path, "guesthouse", where, 0)
    assert "state whole, kept" in found, found


@pytest.mark.long
@pytest.mark.parametrize("where", ["state", "backups", "copies", "tmp"])
def test_a_disk_that_runs_full_loses_nothing(tmp_path: Path, where: str) -> None:
    found = [point(tmp_path / str(free), "guesthouse", where, free) for free in FREE_KIB]
    kept = sum(", kept " in line for line in found)
    print(*found, f"{where}: {kept} of {len(found)} kept", sep="\n")
    assert kept == len(found), found


@pytest.mark.long
def test_plain_pulumi_loses_the_state(tmp_path: Path) -> None:
    """The control."""
    found = [point(tmp_path / str(free), "pulumi", "state", free) for free in FREE_KIB]
    lost = sum(", lost " in line for line in found)
    print(*found, f"control: {lost} of {len(found)} lost", sep="\n")
    assert lost, found
