"""`guesthouse preview --metrics`: how many resources would change, told by the real engine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli_site import SITE
from prometheus_client.parser import text_string_to_metric_families

from guesthouse.cli import drift
from guesthouse.cli.app import run
from guesthouse.cli.engine import Engine, environment
from guesthouse.cli.project import Project
from scratch import scratch_project

# Components need no provider; the engine plans them all the same.
PROGRAM = """\
import os, pulumi
if os.path.exists("fail"):
    raise RuntimeError("no plan")
for name in open("names").read().split():
    pulumi.ComponentResource("test:index:Thing", name)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    folder = scratch_project(tmp_path / "project", PROGRAM)
    site = SITE.replace(", cloud_init:", "").split("    cloud_init:")[0]
    (folder / "stacks/one.site.yaml").write_text(site)
    (folder / "names").write_text("a b")
    monkeypatch.chdir(folder)
    path = environment(Project(folder), os.environ)["PATH"]
    assert shutil.which("pulumi", path=path), "there is no engine: run make setup"
    return Project.find()


def drifted(file: Path) -> float:
    (count,) = (
        sample.value
        for metric in text_string_to_metric_families(file.read_text())
        for sample in metric.samples
        if sample.name == "guesthouse_drift_resources" and sample.labels == {"stack": "one"}
    )
    return count


def test_what_would_change_is_counted(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    file = project.root / "drift.prom"
    assert run(["preview", "one", "--metrics", str(file)]) == 0
    # The stack itself, a and b.
    assert drifted(file) == 3
    assert "3 to create" in capfd.readouterr().out
    assert Engine(project).run("up", "-s", "one", "--yes", "--skip-preview") == 0
    assert run(["preview", "one", "--refresh", "--metrics", str(file)]) == 0
    assert drifted(file) == 0
    (project.root / "names").write_text("a c")
    command = ["preview", "one", "--refresh", "--expect-no-changes", "--metrics", str(file)]
    assert run(command) == 1
    assert drifted(file) == 2
    # An engine that came to no end says nothing: the file tells how old its number is.
    (project.root / "fail").touch()
    assert run(["preview", "one", "--metrics", str(file)]) == 1
    assert drifted(file) == 2


def test_no_summary_is_no_number() -> None:
    assert drift.resources([]) is None
    assert drift.resources(['{"sequence": 0, "preludeEvent": {}}']) is None
    # Half of a line, of an engine that was killed.
    assert drift.resources(['{"sequence": 0, "summ']) is None
    changes = '{"same": 9, "update": 2, "delete": 1}'
    for changed, result, number in (
        (changes, "succeeded", 3),
        (changes, "failed", 3),
        ('{"same": 9}', "succeeded", 0),
        ('{"same": 9}', "failed", None),
    ):
        summary = f'{{"resourceChanges": {changed}, "result": "{result}"}}'
        assert drift.resources([f'{{"sequence": 1, "summaryEvent": {summary}}}']) == number
