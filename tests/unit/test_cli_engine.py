"""The doors to the engine: its environment, its stacks, secrets; with the real engine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_site import SITE

from guesthouse.cli import vault
from guesthouse.cli.app import run
from guesthouse.cli.engine import Engine, environment, prepare_home
from guesthouse.cli.forget import forget_stack
from guesthouse.cli.project import Project
from guesthouse.cli.stack import open_stack, read_plan
from guesthouse.errors import SetupError, SiteError
from scratch import CHECKOUT, scratch_project

# A program without providers: what the doors do is the same for every program.
PROGRAM = """\
import os, time, pulumi
if os.path.exists("wait"):
    open("waiting", "w").close()
    time.sleep(60)
told = {"nat0": ["10.77.0.5"]}
guest = {"host": "h1", "address": "10.77.0.5", "addresses": told, "ssh_host_keys": ["k"]}
pulumi.export("guests", {"web": guest})
pulumi.export("known", pulumi.Config().require_secret("web_password").apply(len))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    folder = scratch_project(tmp_path / "project", PROGRAM)
    (folder / "stacks/one.site.yaml").write_text(SITE)
    monkeypatch.chdir(folder)
    path = environment(Project(folder), os.environ)["PATH"]
    assert shutil.which("pulumi", path=path), "there is no engine: run make setup"
    yield Project.find()


def test_the_environment_is_the_folders_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\n")
    (tmp_path / ".guesthouse").mkdir()
    (tmp_path / ".guesthouse/passphrase").write_text("x")
    foreign = {
        "PULUMI_BACKEND_URL": "file:///elsewhere",
        "PULUMI_CONFIG_PASSPHRASE": "other",
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/me",
    }
    assert environment(Project(tmp_path), foreign) == {
        "HOME": "/home/me",
        "PATH": f"{tmp_path}/.guesthouse/engine:{sys.prefix}/bin:/usr/bin:/bin",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/.guesthouse/state",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{tmp_path}/.guesthouse/passphrase",
        "PULUMI_HOME": f"{tmp_path}/.guesthouse/pulumi",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PYTHONPATH": f"{CHECKOUT}/modules/guesthouse/cli/program",
    }


@pytest.mark.parametrize(
    ("raised", "said"),
    [("KeyboardInterrupt", ""), ("ValueError('so')", "ValueError: so")],
    ids=["interrupted", "control"],
)
def test_who_is_interrupted_while_he_imports_says_nothing(
    tmp_path: Path, raised: str, said: str
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\n")
    (tmp_path / ".guesthouse").mkdir()
    (tmp_path / "slow.py").write_text(f"raise {raised}\n")
    env = environment(Project(tmp_path), {"PYTHONPATH": str(tmp_path)})
    argv = [sys.executable, "-c", "import slow"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode
    assert done.stderr.strip().rpartition("\n")[2] == said


def test_a_backend_in_the_project_file_wins(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\nbackend: {url: s3://team}\n")
    assert "PULUMI_BACKEND_URL" not in environment(Project(tmp_path), {"PULUMI_BACKEND_URL": "x"})


def test_the_passphrase_is_made_once_and_private(tmp_path: Path) -> None:
    project = Project(tmp_path)
    prepare_home(project)
    first = project.passphrase.read_text()
    prepare_home(project)
    assert project.passphrase.read_text() == first
    assert len(first) == 44
    assert project.passphrase.stat().st_mode & 0o777 == 0o600


def test_a_missing_engine_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError) as caught:
        Engine(Project(tmp_path))
    assert str(caught.value) == (
        "engine: there is no 'pulumi' here or on PATH\n  hint: run: make setup"
    )


def test_a_missing_secret_is_said_with_its_command(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["preview", "one"]) == 2
    assert capfd.readouterr() == (
        "",
        "error: stacks/Pulumi.one.yaml: the secret 'web_password' is missing\n"
        "  hint: run: . ./env.sh && pulumi config set --secret -s one guesthouse:web_password\n",
    )


def test_a_secret_in_clear_text_is_refused(project: Project) -> None:
    project.config_file("one").write_text("config: {guesthouse:web_password: hunter2}\n")
    with pytest.raises(SiteError) as caught:
        vault.require(project, read_plan(project, "one"))
    assert str(caught.value) == (
        "stacks/Pulumi.one.yaml: the secret 'web_password' is in clear text\n"
        "  hint: run: . ./env.sh && pulumi config set --secret -s one guesthouse:web_password"
    )


def test_doors_do_what_pulumi_does(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(project)
    plan = read_plan(project, "one")
    engine.ensure_stack("one")
    assert vault.generate(engine, plan) == ["web_password"]
    assert vault.generate(engine, plan) == []
    assert "secure: v1:" in project.config_file("one").read_text()
    assert engine.outputs("one") == {}

    assert run(["preview", "one", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["changeSummary"] == {"create": 1}
    assert run(["preview", "one", "--expect-no-changes"]) == 1
    assert run(["up", "one", "--yes", "--", "--parallel", "4"]) == 0
    assert run(["preview", "one", "--expect-no-changes"]) == 0
    assert engine.outputs("one")["guests"]["web"]["address"] == "10.77.0.5"
    opened = open_stack(project, "one")
    assert [machine.name for machine in opened.machines] == []  # the test driver has no ssh

    # Plain pulumi, as a user types it in a prepared shell, sees the same stack.
    plain = ["pulumi", "preview", "-s", "one", "--expect-no-changes"]
    assert subprocess.run(plain, env=engine.env, check=False, capture_output=True).returncode == 0
    assert run(["destroy", "one", "--yes"]) == 0
    assert "web_password" in project.config("one")
    capfd.readouterr()


def test_without_yes_nobody_is_asked_in_a_pipe(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(project)
    engine.ensure_stack("one")
    vault.generate(engine, read_plan(project, "one"))
    assert run(["up", "one"]) == 1
    assert "--yes" in capfd.readouterr().err


def test_ctrl_c_lets_the_engine_end_in_order(project: Project) -> None:
    engine = Engine(project)
    engine.ensure_stack("one")
    vault.generate(engine, read_plan(project, "one"))
    (project.root / "wait").touch()
    command = [str(Path(sys.prefix) / "bin/guesthouse"), "up", "one", "--yes"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (project.root / "waiting").exists():
            assert time.monotonic() < deadline, "the program did not start"
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
    locks = project.state / ".pulumi/locks"
    assert [path for path in locks.rglob("*") if path.is_file()] == []


def test_a_stack_can_be_forgotten_without_the_engine(project: Project) -> None:
    engine = Engine(project)
    for stack in ("one", "one-more"):
        engine.ensure_stack(stack)
    vault.generate(engine, read_plan(project, "one"))
    assert project.config_file("one") in forget_stack(project, "one")
    assert [engine.knows(name) for name in ("one", "one-more")] == [False, True]
    assert not project.config_file("one").exists()
    assert forget_stack(project, "one") == []


def test_the_checkout_is_not_touched(project: Project) -> None:
    assert project.root != CHECKOUT
    assert project.home != CHECKOUT / ".guesthouse"
