"""What `make bench` measures on a lab is measured there, at its smallest size."""

from __future__ import annotations

import json
import subprocess
import sys

from lab_project import LabProject

from guesthouse.lab.host import CONTAINER
from scratch import CHECKOUT, clean_environment

KIND = CONTAINER


def test_a_declared_guest_against_a_script(deployed: LabProject) -> None:
    bench = [sys.executable, str(CHECKOUT / "tests/bench"), "--lab", str(deployed.root)]
    done = subprocess.run(
        [*bench, "--quick", "--json", "--only", "guests"],
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["missing"] == "" and row["ours"] > 0 and row["peer"] > 0
    deployed.is_steady()
