"""pyinfra's own way to a host, here by its local connector: where it puts what it uploads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from guesthouse.machine.configure import HostJob
from guesthouse.machine.ssh import Endpoint


def test_uploads_go_by_a_folder_that_nobody_else_can_enter(tmp_path: Path) -> None:
    file = {"content": "a secret", "mode": "600", "owner": "root", "group": "root"}
    seen = tmp_path / "seen"
    shared = tmp_path / "shared"
    shared.mkdir()
    look = f"stat -c '%a %U %F' {shared}/guesthouse.* >{seen}"
    job = HostJob(files={str(tmp_path / "there"): file}, commands=(look,))
    request = {
        "endpoint": {**asdict(Endpoint("local", "none")), "name": "@local"},
        "job": asdict(job),
    }
    argv = [sys.executable, "-m", "guesthouse.machine.configure"]
    done = subprocess.run(
        argv,
        input=json.dumps(request),
        env={**os.environ, "TMPDIR": str(shared)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there").read_text() == "a secret"
    assert seen.read_text() == "700 root directory\n"
    assert [*shared.iterdir()] == []
