"""The pipelines are as made of steps.yaml, and do with their steps what they should.

``pytest tests/unit/test_pipelines.py --regenerate`` writes them.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "pipelines"

# The fields that we use, as the operator's CRD has them: deploy/helm/pulumi-operator/crds/
# pulumi.com_stacks.yaml of github.com/pulumi/pulumi-kubernetes-operator at commit
# 0d34c847fba14ca4abacd3c2b89869ebca3e0398; the pod's are Kubernetes' own.
CRD: dict[str, type] = {
    "serviceAccountName": str,
    "stack": str,
    "projectRepo": str,
    "branch": str,
    "shallow": bool,
    "backend": str,
    "refresh": bool,
    "continueResyncOnCommitMatch": bool,
    "resyncFrequencySeconds": int,
    "destroyOnFinalize": bool,
    "envRefs": dict,
    "workspaceTemplate": dict,
}


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_they_are_as_made(request: pytest.FixtureRequest) -> None:
    generate = generator()
    if request.config.getoption("--regenerate"):
        generate.write()
    assert generate.stale() == [], "rewrite with --regenerate"
    assert os.access(FOLDER / "run.sh", os.X_OK)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """run.sh in a folder of its own, where `guesthouse` writes down how it was called.

    It ends with the number in the file that has its first argument's name, if there is one.
    """
    (tmp_path / "pipelines").mkdir()
    shutil.copy(FOLDER / "run.sh", tmp_path / "pipelines")
    program = tmp_path / ".venv" / "bin" / "guesthouse"
    program.parent.mkdir(parents=True)
    program.write_text(
        '#!/bin/sh\nfor word; do printf "%s|" "$word"; done >> calls\necho >> calls\n'
        'if [ -f "$1.code" ]; then exit "$(cat "$1.code")"; fi\n'
    )
    program.chmod(0o755)
    return tmp_path


def ran(checkout: Path, *words: str, **variables: str) -> tuple[int, list[str]]:
    """The exit code, and what was called."""
    done = subprocess.run(
        [checkout / "pipelines" / "run.sh", *words],
        cwd="/",
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        check=False,
    )
    calls = checkout / "calls"
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


CHECK = "check|stacks/a b.site.yaml|--sarif|report/check.sarif|"
VERIFY = "verify|a b|--junit|report/verify.xml|"


def test_review(checkout: Path) -> None:
    preview = "preview|a b|--report|report|--fail-on|restart|"
    assert ran(checkout, "review", "a b") == (0, [CHECK, preview])
    assert (checkout / "report").is_dir()


def test_variables(checkout: Path) -> None:
    code, calls = ran(checkout, "review", "a", REPORT="r s", FAIL_ON="live", POLICIES="p q")
    assert (code, calls[1:]) == (0, ["preview|a|--report|r s|--fail-on|live|--policies|p q|"])


def test_apply(checkout: Path) -> None:
    calls = [CHECK, "preview|a b|--report|report|", "up|a b|--yes|", VERIFY]
    assert ran(checkout, "apply", "a b") == (0, calls)


def test_what_fails_ends_it(checkout: Path) -> None:
    (checkout / "preview.code").write_text("5")
    assert ran(checkout, "apply", "a b") == (5, [CHECK, "preview|a b|--report|report|"])


def test_drift_verifies_in_any_case(checkout: Path) -> None:
    (checkout / "preview.code").write_text("1")
    (checkout / "verify.code").write_text("4")
    preview = "preview|a b|--refresh|--expect-no-changes|--report|report|"
    assert ran(checkout, "drift", "a b") == (1, [preview, f"{VERIFY}--patience|60|"])


@pytest.mark.parametrize("words", [[], ["review"], ["reviews", "a"], ["apply", "a", "b"]])
def test_wrong_words(checkout: Path, words: list[str]) -> None:
    assert ran(checkout, *words) == (2, [])


def jobs(name: str) -> Iterator[tuple[str, Any]]:
    value = yaml.safe_load((FOLDER / name).read_text())
    yield from (
        (mode, value["jobs"][mode] if "jobs" in value else value[mode])
        for mode in generator().steps()["modes"]
    )


def test_github_asks_for_little() -> None:
    text = (FOLDER / "github.yml").read_text()
    assert yaml.safe_load(text)["permissions"] == {}
    wanted = {mode: job["permissions"] for mode, job in jobs("github.yml")}
    assert wanted == {
        "review": {"contents": "read", "security-events": "write", "actions": "read"},
        "apply": {"contents": "read"},
        "drift": {"contents": "read"},
    }
    for mode, job in jobs("github.yml"):
        # Without the queue a run that waits is cancelled for the next one, an apply too.
        queue = {"group": "guesthouse-${{ matrix.stack }}", "queue": "max"}
        assert job["concurrency"] == queue, mode
        assert job["steps"][-1]["if"] == "always()", mode
        assert all("${{" not in step.get("run", "") for step in job["steps"]), mode


def test_what_strangers_propose_runs_nowhere() -> None:
    github = {mode: job["if"] for mode, job in jobs("github.yml")}
    assert github == {
        "review": "github.event_name == 'pull_request' && "
        "github.event.pull_request.head.repo.full_name == github.repository",
        "apply": "github.event_name == 'push'",
        "drift": "github.event_name == 'schedule'",
    }
    # YAML 1.1 reads "on" as true. Of pull_request_target a fork's code would get the secrets.
    events = yaml.safe_load((FOLDER / "github.yml").read_text())[True]
    assert set(events) == {"pull_request", "push", "schedule"}
    assert events["push"]["branches"] == ["main"]
    gitlab = {mode: job["rules"] for mode, job in jobs("gitlab-ci.yml")}
    assert gitlab == {
        "review": [
            {
                "if": '$CI_PIPELINE_SOURCE == "merge_request_event" && '
                "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID"
            }
        ],
        "apply": [
            {"if": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}
        ],
        "drift": [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}],
    }


def test_every_place_has_all_steps() -> None:
    for mode, todo in generator().steps()["modes"].items():
        github = [step.get("run") for step in dict(jobs("github.yml"))[mode]["steps"]]
        gitlab = dict(jobs("gitlab-ci.yml"))[mode]["script"]
        for item in todo:
            assert item["run"] in github
            assert any(line.startswith(item["run"]) for line in gitlab)
            assert shlex.split(item["run"])[0] == "guesthouse"
    assert yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text())[".guesthouse"][
        "resource_group"
    ] == ("guesthouse-$STACK")


def test_the_operators_stack_has_known_fields() -> None:
    *_, stack = yaml.safe_load_all((FOLDER / "pulumi-operator-stack.yaml").read_text())
    assert (stack["apiVersion"], stack["kind"]) == ("pulumi.com/v1", "Stack")
    spec = stack["spec"]
    assert {name: type(value) for name, value in spec.items()} == {name: CRD[name] for name in spec}
    for reference in spec["envRefs"].values():
        assert reference["type"] in ("Env", "FS", "Secret", "Literal")
        assert set(reference) == {"type", "literal"}
    assert spec["resyncFrequencySeconds"] >= 60
    assert set(spec["workspaceTemplate"]) == {"spec"}
    assert set(spec["workspaceTemplate"]["spec"]) == {"image", "podTemplate"}
    # A Stack that is taken away must not take the machines with it.
    assert spec["destroyOnFinalize"] is False


PINNED = re.compile(r"uses: [A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def by_tag(text: str) -> list[str]:
    """The lines that name an action otherwise than by commit and version."""
    lines = [line.strip().removeprefix("- ") for line in text.splitlines()]
    return [line for line in lines if re.match(r"uses\s*:", line) and not PINNED.match(line)]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("- uses: actions/checkout@v4", True),
        ("- uses: actions/checkout@3d3c42e # v7.0.1", True),
        (f"- uses: actions/checkout@{'a' * 40}", True),
        ("uses: ./local", True),
        (f"- uses: actions/checkout@{'a' * 40} # v7.0.1", False),
        (f"- uses: github/codeql-action/upload-sarif@{'a' * 40} # v4.0.0", False),
    ],
)
def test_an_action_by_tag_is_found(line: str, wrong: bool) -> None:
    assert bool(by_tag(f"    steps:\n      {line}\n")) == wrong


def test_actions_are_named_by_commit() -> None:
    root = FOLDER.parent
    files = [*FOLDER.rglob("*.y*ml*"), *root.glob("examples/**/*.y*ml"), *root.glob("docs/**/*.md")]
    assert FOLDER / "github.yml" in files
    assert {str(file): found for file in files if (found := by_tag(file.read_text()))} == {}
