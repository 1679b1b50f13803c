"""A project folder with a lab, and the command in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guesthouse.cli.engine import environment
from guesthouse.cli.project import Project
from scratch import clean_environment

# The installed command, beside the interpreter that runs the tests.
COMMAND = Path(sys.executable).with_name("guesthouse")

# Replaces texts of the site file by others: old, new, old, new...
Edit = Callable[..., None]


def why(result: subprocess.CompletedProcess[str]) -> str:
    """What a failed command gave as its reasons: the engine's, without its progress and outputs."""
    text = result.stdout + result.stderr
    reasons = re.findall(r"^Diagnostics:$.*?(?=^Outputs:|^Resources:|\Z)", text, re.S | re.M)
    return "\n".join(reasons) or text


class LabProject:
    """The project folder, and the command in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(
        self, *argv: str, text: str = "", timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """`guesthouse ARGV...` in the folder, whatever its exit code; ``text`` is its input."""
        return subprocess.run(
            [str(COMMAND), "-C", str(self.root), *argv],
            env=clean_environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def guesthouse(self, *argv: str, text: str = "") -> str:
        """The command's output; its failure is the test's."""
        result = self.run(*argv, text=text)
        assert result.returncode == 0, f"guesthouse {' '.join(argv)}\n{why(result)}"
        return result.stdout

    def host(self, command: str, text: str = "", name: str = "h1") -> str:
        """Shell text on a host of the lab, as root."""
        return self.guesthouse("lab", "ssh", name, "--", "sh", "-c", command, text=text)

    def guest(self, name: str, command: str) -> str:
        """Shell text in a guest, as its login user."""
        return self.guesthouse("ssh", "-s", "lab", name, "--", "sh", "-c", command)

    def pulumi(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Plain `pulumi ARGV... -s lab` in the folder, whatever its exit code."""
        project = Project(self.root)
        return subprocess.run(
            ["pulumi", *argv, "-s", "lab", "--non-interactive"],
            cwd=self.root,
            env=environment(project, clean_environment()),
            capture_output=True,
            text=True,
            check=False,
        )

    def findings(self) -> list[dict[str, Any]]:
        """All findings of a verification."""
        result = self.run("verify", "lab", "--json")
        assert result.returncode in (0, 1), why(result)
        return list(json.loads(result.stdout)["findings"])

    def said(self) -> str:
        """What the preview says; it must be a preview that `up` would carry out."""
        result = self.run("preview", "lab")
        assert result.returncode == 0, why(result)
        return result.stdout + result.stderr

    def refused(self) -> str:
        """What a preview says that `up` would refuse."""
        result = self.run("preview", "lab")
        assert result.returncode != 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def is_steady(self) -> None:
        """All is as declared: nothing to do, and no check fails."""
        self.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
        assert [f["id"] for f in self.findings() if f["status"] == "failed"] == []
