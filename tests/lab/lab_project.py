"""A project folder with a lab, and the command in it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from guesthouse.cli.engine import environment
from guesthouse.cli.project import Project
from guesthouse.machine.ssh import SSH_FAILED
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


def pinged(ping: str) -> str:
    """Shell text that says "answered" when each of five pings has an answer, for which it has ten
    seconds: of several at once the last has little more than the interval."""
    once = f"{ping} -q -c 1 -W 10 >/dev/null || exit 0"
    return f"for n in $(seq 5); do {once}; done; echo answered"


def _good(result: subprocess.CompletedProcess[str], argv: Sequence[str]) -> str:
    assert result.returncode == 0, f"guesthouse {' '.join(argv)}\n{why(result)}"
    return result.stdout


class LabProject:
    """The project folder, and the command in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # Asked when no host is named.
        self.first = next(iter(yaml.safe_load(self.site.read_text())["hosts"]))
        # The site file of the last `up`, when it went well.
        self.applied = ""

    @property
    def site(self) -> Path:
        """The site file of the stack lab."""
        return self.root / "stacks/lab.site.yaml"

    def run(
        self, *argv: str, text: str = "", timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """`guesthouse ARGV...` in the folder, whatever its exit code; ``text`` is its input."""
        result = subprocess.run(
            [str(COMMAND), "-C", str(self.root), *argv],
            env=clean_environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if argv[:2] == ("up", "lab"):
            self.applied = "" if result.returncode else self.site.read_text()
        return result

    def guesthouse(self, *argv: str, text: str = "") -> str:
        """The command's output; its failure is the test's."""
        return _good(self.run(*argv, text=text), argv)

    def host(self, command: str, text: str = "", name: str = "") -> str:
        """Shell text on a host of the lab, the first or another, as root."""
        return self._ssh("lab", "ssh", name or self.first, "--", "sh", "-c", command, text=text)

    def guest(self, name: str, command: str) -> str:
        """Shell text in a guest, as its login user."""
        return self._ssh("ssh", "-s", "lab", name, "--", "sh", "-c", command)

    def root_in(self, name: str, command: str) -> str:
        """Shell text in a guest, as root."""
        return self.guest(name, f"sudo -n sh -c {shlex.quote(command)}")

    def boot_id(self, name: str) -> str:
        """What tells one boot of a guest from another."""
        return self.guest(name, "cat /proc/sys/kernel/random/boot_id")

    def _ssh(self, *argv: str, text: str = "") -> str:
        """A machine that is too busy to let us in is asked a second time."""
        result = self.run(*argv, text=text)
        if result.returncode == SSH_FAILED:
            time.sleep(3)
            result = self.run(*argv, text=text)
        return _good(result, argv)

    def pulumi(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Plain `pulumi ARGV... -s lab` in the folder, whatever its exit code."""
        project = Project(self.root)
        return subprocess.run(
            ["pulumi", *argv, "-s", "lab", "--non-interactive"],
            cwd=self.root,
            env=environment(project, clean_environment()),
            capture_output=True,
            text=True,
            timeout=1800,
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
