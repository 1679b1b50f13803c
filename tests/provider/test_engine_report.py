"""`guesthouse preview --report` with the real engine: the files, the exit code, no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from project import EngineProject

from guesthouse.report import FILES

COMMAND = "from guesthouse.cli.app import main; main()"


def preview(project: EngineProject, *argv: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user types it, with the report in ``review/today``."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "preview", "test", "--report", "review/today", *argv],
        cwd=project.root,
        env={**project.env, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def report(project: EngineProject) -> Path:
    return project.root / "review/today"


def test_a_report_is_written_of_every_preview(project: EngineProject) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(count=3, memory_mib=256)
    result = preview(project)
    assert result.returncode == 5, result.stderr
    assert "guest g0: memory 128 -> 256 MiB" in result.stdout, "the display is as ever"
    assert sorted(file.name for file in report(project).iterdir()) == sorted(FILES)
    told = json.loads((report(project) / "report.json").read_text())
    assert (told["outcome"], told["exit_code"], told["worst_effect"]) == ("refused", 5, "restart")
    assert [problem["hint"] for problem in told["refused"]] == [
        f"permit it: guests.{name}.allow: [restart]" for name in ("g0", "g1")
    ]
    assert told["capacity"]["before"]["t1"]["memory_mib_used"] == 256
    assert told["capacity"]["after"]["t1"]["memory_mib_used"] == 768
    assert "-  <memory unit=" in (report(project) / "report.md").read_text()
    assert ">g2</text>" in (report(project) / "topology.svg").read_text()
    assert ">g2</text>" not in (report(project) / "topology-before.svg").read_text()
    whole = "".join(file.read_text() for file in report(project).iterdir()) + result.stdout
    assert "correct-horse-battery" not in whole and "v1:" not in whole

    project.write(count=1, memory_mib=256, allow="[restart]")
    result = preview(project, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["changeSummary"]["update"] == 1
    told = json.loads((report(project) / "report.json").read_text())
    assert told["actions"] == {
        "created": {},
        "changed": {"guest": 1},
        "replaced": {},
        "deleted": {"guest": 1},
    }
    assert told["worst_effect"] == "destroys_data"


def test_drift_and_broken_policies_are_in_the_report(project: EngineProject) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(description="critical")
    assert preview(project, "--expect-no-changes").returncode == 1
    text = (report(project) / "report.md").read_text()
    assert "2 changed, 2 unchanged. **Something would change**, and nothing was expected to" in text

    project.secret("web_password", "changeme")
    result = preview(project, "--policies", "policies")
    assert result.returncode == 1, result.stderr
    told = json.loads((report(project) / "report.json").read_text())
    assert told["outcome"] == "failed"
    rule = "policy no-default-password: guests.{}.cloud_init.users.admin.password: the secret "
    assert {error["what"].partition("'")[0] for error in told["errors"]} == {
        rule.format(name) for name in ("g0", "g1")
    }
    assert {finding["severity"] for finding in told["findings"]} == {"warning"}
    whats = {finding["what"].partition(" is ")[0] for finding in told["findings"]}
    assert whats == {f"policy critical-guest-watched: guests.{name}:" for name in ("g0", "g1")}


def test_a_report_is_written_of_what_never_began(project: EngineProject) -> None:
    file = project.root / "stacks/test.site.yaml"
    report(project).mkdir(parents=True)
    (report(project) / "topology.svg").write_text("of an earlier run")
    (report(project) / "mine").write_text("kept")
    file.write_text(file.read_text().replace("network: lan", "network: lna"))
    assert preview(project).returncode == 2
    names = {path.name for path in report(project).iterdir()}
    assert names == {"report.md", "report.json", "mine"}
    text = (report(project) / "report.md").read_text()
    assert "**The preview failed:**" in text
    assert "unknown network, got 'lna', allowed 'lan'" in text


def test_a_report_is_written_of_what_the_engine_cannot_do(project: EngineProject) -> None:
    project.image.write_bytes(b"something else")
    assert preview(project).returncode == 5
    told = json.loads((report(project) / "report.json").read_text())
    assert told["outcome"] == "refused"
    assert "its digest is not the declared one" in told["refused"][0]["what"]
    assert preview(project, "--", "--no-such-flag").returncode == 1
    text = (report(project) / "report.md").read_text()
    assert "The engine says why in its own output." in text
