"""Runs in a mount namespace of its own: the real engine on a small disk that runs full.

`unshare -m python full_disk_engine.py FOLDER HOW WHERE FREE_KIB` deploys two guests, begins an `up`
with two more, leaves FREE_KIB on the disk of WHERE when the program runs, gives the space back, and
prints one line: how the run ended, what the state was, and whether the next `up` converged.

The engine tries each write for half a minute, so who waits for long kills it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from project import EngineProject
from rivals import PROGRAM, guesthouse

from guesthouse.cli.project import Project
from guesthouse.cli.state_files import StateFiles
from guesthouse.errors import SetupError

SIZE_MIB = 24
PATIENCE_S = 15
WHERE = {
    "state": ".guesthouse/state",
    "backups": ".guesthouse/state/.pulumi/backups",
    "copies": ".guesthouse/state-copies",
    "tmp": "tmp",
}


def begun(project: EngineProject, how: str) -> subprocess.Popen[str]:
    """An `up` whose program waits for the file `hold` to go."""
    (project.root / "hold").touch()
    if how == "guesthouse":
        run = guesthouse(project, "up", "test", "--yes", "--", "--skip-preview")
    else:
        argv = ["pulumi", "up", "-s", "test", "--yes", "--skip-preview", "--non-interactive"]
        run = subprocess.Popen(
            argv,
            cwd=project.root,
            env=project.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    until = time.monotonic() + 60
    while not (project.root / "holding").exists() and run.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    return run


def kill_all(pid: int) -> None:
    """A process and all that it started, at once."""
    os.kill(pid, signal.SIGSTOP)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, signal.SIGKILL)
    for child in children:
        kill_all(int(child))


def ended(project: EngineProject, *argv: str) -> int:
    run = guesthouse(project, *argv)
    run.communicate(timeout=300)
    return run.returncode


def resources(files: StateFiles) -> int | None:
    """Of the engine's state; None when it is broken."""
    try:
        state = files.current()
    except SetupError:
        return None
    return state.resources if state else 0


def main(root: Path, how: str, where: str, free_kib: int) -> str:
    project = EngineProject(root / "project", PROGRAM)
    project.write(2)
    project.secret("web_password", "correct-horse-battery")
    files = StateFiles(Project(project.root), "test")
    disk = project.root / WHERE[where]
    disk.mkdir(parents=True, exist_ok=True)
    kept = subprocess.check_output(["tar", "-C", disk, "-c", "."])
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=700", "x", disk], check=True
    )
    subprocess.run(["tar", "-C", disk, "-x"], input=kept, check=True)
    if where == "tmp":
        project.env["TMPDIR"] = str(disk)
    assert ended(project, "up", "test", "--yes") == 0
    before = resources(files) or 0
    (project.root / "holding").unlink(missing_ok=True)
    project.write(4)
    run = begun(project, how)
    if how == "pulumi":
        for copy in files.copies.glob("*"):
            copy.unlink()
    space = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(max(0, space.f_bavail * space.f_frsize - free_kib * 1024)))
    (project.root / "hold").unlink()
    try:
        run.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill_all(run.pid)
        run.communicate()
    after = resources(files)
    (disk / "filler").unlink()
    subprocess.run(["mount", "-o", f"remount,size={4 * SIZE_MIB}m", disk], check=True)
    found = "broken" if after is None else "whole"
    if how == "guesthouse" and after is None:
        assert ended(project, "state", "recover", "test", "--yes") == 0
    left = resources(files)
    lost = left is None or left < before
    again = ended(project, "up", "test", "--yes", "--", "--skip-preview")
    still = ended(project, "up", "test", "--yes", "--expect-no-changes")
    well = not lost and again == still == 0
    return (
        f"{how} {where} {free_kib} KiB: ended with {run.returncode}, state {found}, "
        f"{'kept' if well else 'lost'} ({before} {after} {left} {again} {still})"
    )


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])), flush=True)
