"""The shell pipeline on a project with three stacks, none of them `lab`; with the real engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree
from project import EngineProject

from scratch import CHECKOUT

STACKS = ("north", "south", "west")


@pytest.fixture
def team(tmp_path: Path) -> EngineProject:
    """Three stacks of the test driver, and `test`, which has a guest with a secret.

    The driver forgets its guests with each process, so `test` is a stack that drifts.
    """
    project = EngineProject(tmp_path / "project")
    shutil.copytree(CHECKOUT / "pipelines", project.root / "pipelines")
    project.write(count=0)
    site = (project.root / "stacks/test.site.yaml").read_text().replace("guests:\n", "")
    for stack in STACKS:
        text = site.replace("site: driver-1", f"site: {stack}-1")
        (project.root / f"stacks/{stack}.site.yaml").write_text(text)
        project.of(stack, "stack", "init", "--no-select")
        project.of(stack, "config", "set", "site", f"{stack}.site.yaml")
    project.write(count=1)
    project.secret("web_password", "correct-horse-battery")
    return project


def pipeline(
    team: EngineProject, mode: str, stack: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The run, and its folder of reports."""
    report = team.root / "reports" / f"{mode}-{stack}"
    done = subprocess.run(
        [team.root / "pipelines/run.sh", mode, stack],
        env={**team.env, "REPORT": str(report)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done, report


def outcome(report: Path) -> str:
    return str(json.loads((report / "report.json").read_text())["outcome"])


def test_review_apply_and_drift_of_three_stacks_are_green(team: EngineProject) -> None:
    for stack in STACKS:
        for mode, verified in (("review", False), ("apply", True), ("drift", True)):
            done, report = pipeline(team, mode, stack)
            assert done.returncode == 0, f"{mode} {stack}\n{done.stdout}"
            assert outcome(report) == "ok"
            assert (f"Stack {stack}\nmachine  on host  addresses" in done.stdout) == verified
            assert (report / "verify.xml").exists() == verified


def test_drift_of_a_guest_that_is_gone_is_red_and_verify_still_has_its_table(
    team: EngineProject,
) -> None:
    for mode in ("review", "apply"):
        done, _ = pipeline(team, mode, "test")
        assert done.returncode == 0, f"{mode}\n{done.stdout}"
    done, report = pipeline(team, "drift", "test")
    assert (done.returncode, outcome(report)) == (1, "unexpected")
    assert "Stack test\nmachine  on host  addresses" in done.stdout
    suite = next(etree.parse(report / "verify.xml").iter("testsuite"))
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "1",
        "failures": "0",
        "errors": "0",
        "skipped": "1",
    }
