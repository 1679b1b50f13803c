"""`guesthouse check --sarif`: the log obeys SARIF, and its rules are those that problems name."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_site import SITE, write_project

from guesthouse.cli import sarif
from guesthouse.cli.app import run
from guesthouse.model import rule_names

PACKAGE = Path(sarif.__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(*files: str) -> tuple[int, Any]:
    code = run(["check", *files, "--sarif", "check.sarif"])
    return code, json.loads(Path("check.sarif").read_text())


def results(log: Any) -> list[tuple[str, str, Any, str]]:
    """Rule, file, region and message of every result."""
    found = []
    for result in log["runs"][0]["results"]:
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        found.append((result["ruleId"], uri, physical["region"], result["message"]["text"]))
    return found


def test_a_sound_file_has_no_results(project: Path) -> None:
    code, log = checked("stacks/one.site.yaml")
    assert (code, results(log)) == (0, [])
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["artifacts"] == [
        {"location": {"uri": "stacks/one.site.yaml", "uriBaseId": "%SRCROOT%"}}
    ]


def test_problems_of_several_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = SITE.replace("network: nat}", "network: nta}").replace("vcpus: 1", "vcpus: many")
    (project / "stacks/a bad.site.yaml").write_text(bad.replace("memory_mib: 512", "memory: 512"))
    (project / "stacks/full.site.yaml").write_text(SITE.replace("2048", "256"))
    (project / "stacks/odd.site.yaml").write_text("a: [\n")
    files = [f"stacks/{name}.site.yaml" for name in ("a bad", "full", "odd", "none")]
    code, log = checked(*files)
    assert code == 2
    assert results(log) == [
        (
            "type",
            "stacks/a%20bad.site.yaml",
            {"startLine": 13, "startColumn": 5},
            "guests.web.vcpus: not a whole number, got 'many'",
        ),
        (
            "unknown-key",
            "stacks/a%20bad.site.yaml",
            {"startLine": 14, "startColumn": 5},
            results(log)[1][3],
        ),
        (
            "unknown-name",
            "stacks/a%20bad.site.yaml",
            {"startLine": 16, "startColumn": 19},
            "guests.web.nics.nat0.network: unknown network, got 'nta', allowed 'nat'\n"
            "  hint: did you mean 'nat'?",
        ),
        (
            "capacity",
            "stacks/full.site.yaml",
            {"startLine": 3, "startColumn": 40},
            "hosts.h1.memory_mib: the guest of host 'h1' needs 512 MiB, got a capacity of 256 MiB\n"
            "  hint: move web to another host or make it smaller",
        ),
        (
            "yaml",
            "stacks/odd.site.yaml",
            {"startLine": 2, "startColumn": 1},
            "not valid YAML: while parsing a flow node, did not find expected node content",
        ),
        (
            "file",
            "stacks/none.site.yaml",
            {"startLine": 1},
            "cannot be read: no such file or directory",
        ),
    ]
    assert results(log)[1][3].endswith("  hint: did you mean 'memory_mib'?")
    # What is printed is as without the option.
    said = capsys.readouterr()
    assert run(["check", *files]) == 2
    assert capsys.readouterr() == said


def test_rules_come_with_help(project: Path) -> None:
    (project / "bad.site.yaml").write_text(SITE.replace("vcpus: 1", "vcpu: 1\n    cpu: fast"))
    _, log = checked("bad.site.yaml")
    run_ = log["runs"][0]
    rules = run_["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["choice", "unknown-key"]
    assert all(rule["help"]["text"] for rule in rules)
    assert [rules[result["ruleIndex"]]["id"] for result in run_["results"]] == [
        result["ruleId"] for result in run_["results"]
    ]


def test_a_file_elsewhere_has_its_whole_path(project: Path, tmp_path: Path) -> None:
    (project / "stacks/odd.site.yaml").write_text("a: [\n")
    assert run(["-C", "stacks", "check", "../none.yaml", "--sarif", "x.sarif"]) == 2
    log = json.loads((project / "stacks/x.sarif").read_text())
    assert results(log)[0][1].startswith("file:///")


def test_a_place_that_cannot_be_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "stacks/one.site.yaml", "--sarif", "no/where"]) == 7
    out, err = capsys.readouterr()
    assert out.startswith("OK stacks/one.site.yaml")
    assert err == "error: no/where: cannot be written: no such file or directory\n"


def named_rules() -> Iterator[str]:
    """Every rule that the package's code gives a problem, read from the syntax trees."""
    calls = {"ruled": 0, "_reporter": 2, "wrong": 2}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            given = [word.value for word in node.keywords if word.arg == "rule"]
            given += node.args[calls[name] : calls[name] + 1] if name in calls else []
            # The helper for rules of names takes it last.
            given += node.args[5:6] if name == "problem" else []
            yield from (str(one.value) for one in given if isinstance(one, ast.Constant))


def test_the_table_has_every_rule() -> None:
    shapes = {rule_names.of_shape(kind) for kind in [*rule_names._KINDS, "int_parsing"]}
    assert {*named_rules(), *shapes} - {""} == set(sarif.RULES)
