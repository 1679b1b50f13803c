"""A team's repository: changes are proposed on branches, runners carry them out in clones of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratch import CHECKOUT, clean_environment

SITE = Path("stacks/lab.site.yaml")
_MEMBER = ("-c", "user.name=Member", "-c", "user.email=member@example.org")


@dataclass(frozen=True)
class Run:
    """What a run of the pipeline left: its exit code, its words, its files."""

    code: int
    said: str
    files: Mapping[str, str]

    @property
    def report(self) -> dict[str, Any]:
        """The values of its report."""
        return dict(json.loads(self.files["report.json"]))


class Team:
    """A bare repository with a project like the checkout, deployed as the project ``deployed``.

    Runners share the state of that project; from there they have what a team keeps as secrets.
    """

    def __init__(self, deployed: Path, folder: Path) -> None:
        self._deployed, self._folder, self._runs = deployed, folder, 0
        self._bare, self._work = folder / "site.git", folder / "work"
        _git("init", "-q", "--bare", "-b", "main", str(self._bare), cwd=folder)
        _git("clone", "-q", str(self._bare), str(self._work), cwd=folder)
        _git("checkout", "-q", "-B", "main", cwd=self._work)
        self._fill()
        _git("add", "--all", "--force", cwd=self._work)
        self._commit("the site")

    def _fill(self) -> None:
        for name in ("modules", "pipelines", "policies", "templates"):
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(CHECKOUT / name, self._work / name, ignore=ignored)
        shutil.copytree(self._deployed / "stacks", self._work / "stacks")
        shutil.copy(self._deployed / "__main__.py", self._work)
        state = self._deployed / ".guesthouse" / "state"
        text = (self._deployed / "Pulumi.yaml").read_text()
        (self._work / "Pulumi.yaml").write_text(f"{text}backend: {{url: 'file://{state}'}}\n")

    def _commit(self, message: str) -> None:
        _git(*_MEMBER, "commit", "-q", "--all", "-m", message, cwd=self._work)
        _git("push", "-q", "origin", "HEAD", cwd=self._work)

    def propose(self, branch: str, old: str, new: str) -> None:
        """Replace a text of the site file, which is in it once, on a branch."""
        _git("checkout", "-q", "-B", branch, cwd=self._work)
        text = (self._work / SITE).read_text()
        assert text.count(old) == 1
        (self._work / SITE).write_text(text.replace(old, new))
        self._commit("a change")

    def merge(self, branch: str) -> str:
        """Bring the branch to main; the site file that is on it."""
        _git("checkout", "-q", "main", cwd=self._work)
        _git(*_MEMBER, "merge", "-q", "--no-ff", "-m", "a merge", branch, cwd=self._work)
        _git("push", "-q", "origin", "main", cwd=self._work)
        return (self._work / SITE).read_text()

    def run(self, mode: str, branch: str) -> Run:
        """The pipeline's ``mode`` for a branch, in a clone of its own as on a new runner."""
        self._runs += 1
        clone = self._folder / f"runner-{self._runs}"
        _git("clone", "-q", "-b", branch, str(self._bare), str(clone), cwd=self._folder)
        self._set_up(clone)
        done = subprocess.run(
            [clone / "pipelines/run.sh", mode, "lab"],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
            check=False,
        )
        files = {file.name: file.read_text() for file in (clone / "report").iterdir()}
        return Run(done.returncode, done.stdout, files)

    def _set_up(self, clone: Path) -> None:
        """What `make setup` and the secrets of a pipeline bring."""
        home, shared = clone / ".guesthouse", self._deployed / ".guesthouse"
        (home / "lab").mkdir(parents=True, mode=0o700)
        (clone / ".venv").symlink_to(CHECKOUT / ".venv")
        (home / "engine").symlink_to(CHECKOUT / ".guesthouse/engine")
        shutil.copy(shared / "passphrase", home)
        shutil.copytree(shared / "local", home / "local")
        for name in ("id_ed25519", "id_ed25519.pub"):
            shutil.copy(shared / "lab" / name, home / "lab")


def _git(*argv: str, cwd: Path) -> None:
    done = subprocess.run(["git", *argv], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(argv)}\n{done.stdout}{done.stderr}"
