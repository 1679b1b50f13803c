"""A state in a bucket: `guesthouse` with the real engine and a real S3 server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from project import EngineProject
from rivals import PROGRAM, copy_of, guesthouse, race

from guesthouse.cli.engine import Engine
from guesthouse.cli.forget import forget_stack
from guesthouse.cli.project import Project
from s3 import ENV, S3, SECRET_KEY, Bucket, Tie, s3_server
from scratch import CHECKOUT

# What a stack that was destroyed and removed leaves in the bucket, with times as TIME.
LEFT = {
    ".pulumi/backups/guesthouse/test/test.TIME.json",
    ".pulumi/meta.yaml",
    ".pulumi/stacks/guesthouse/test.json.bak",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket(server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    return server.bucket(tmp_path.name.replace("_", "-"))


def project_on(bucket: Bucket, folder: Path) -> EngineProject:
    made = EngineProject(folder, PROGRAM, bucket.url)
    made.write()
    made.secret("web_password", "correct-horse-battery")
    shutil.copy(CHECKOUT / "env.sh", folder)
    return made


def run(project: EngineProject, *argv: str) -> tuple[int, str, str]:
    process = guesthouse(project, *argv)
    out, err = process.communicate(timeout=120)
    assert SECRET_KEY not in out + err
    return process.returncode, out, err


def test_a_stack_lives_in_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    project = project_on(bucket, tmp_path / "project")
    code, out, err = run(project, "up", "test", "--yes")
    assert code == 0, out + err
    assert run(project, "up", "test", "--yes", "--expect-no-changes")[0] == 0
    other = copy_of(project, tmp_path / "other")
    assert run(other, "preview", "test", "--expect-no-changes")[0] == 0, "another checkout sees it"
    assert set(Engine(Project(other.root)).outputs("test")["guests"]) == {"g0", "g1"}
    assert run(other, "destroy", "test", "--yes")[0] == 0
    project.pulumi("stack", "rm", "--yes")
    assert {re.sub(r"\d{19}", "TIME", key) for key in bucket.objects()} == LEFT
    assert not [path for path in (project.root / ".guesthouse/state").rglob("*") if path.is_file()]
    whole = b"".join(path.read_bytes() for path in bucket.folder.rglob("*") if path.is_file())
    assert b"correct-horse-battery" not in whole and SECRET_KEY.encode() not in whole


def test_of_two_at_once_one_wins(server: S3, bucket: Bucket, tmp_path: Path) -> None:
    """Each time, though both give up at first. tests/races does it twenty times."""
    tie = Tie(server.port)
    project = project_on(server.bucket(bucket.folder.name, tie.port), tmp_path / "project")
    other = copy_of(project, tmp_path / "other")
    for _ in range(5):
        tie.arm()
        found = race(project, other)
        assert found.well, found
        assert tie.writes >= 3, "both wrote a lock and took it back, then one wrote again"
        assert not [key for key in bucket.objects() if "/locks/" in key]
        assert "WARN" not in found.loser.said
    assert run(project, "preview", "test", "--expect-no-changes")[0] == 0
    tie.close()


def shell(project: EngineProject, text: str) -> None:
    """What a user types, in a shell that once was prepared for another folder."""
    env = {**os.environ, "PULUMI_BACKEND_URL": "file:///nonexistent"}
    command = ["bash", "-euc", text]
    subprocess.run(command, cwd=project.root, env=env, check=True, stdin=subprocess.DEVNULL)


def foreign_lock(bucket: Bucket, **content: object) -> Path:
    """The lock of a run elsewhere."""
    bucket.locks.mkdir(parents=True, exist_ok=True)
    lock = bucket.locks / "11111111-2222-4333-8444-555555555555.json"
    lock.write_text(json.dumps({"pid": 4242, "username": "ann", "hostname": "runner-7", **content}))
    return lock


def test_a_foreign_lock_stays_and_is_told(bucket: Bucket, tmp_path: Path) -> None:
    project = project_on(bucket, tmp_path / "project")
    then = datetime.now(UTC) - timedelta(hours=2, minutes=3)
    lock = foreign_lock(bucket, timestamp=then.isoformat())
    text = (
        f"error: stack test: locked by ann@runner-7 (pid 4242) since {then:%Y-%m-%d %H:%M:%S} UTC, "
        "2 h ago\n  hint: wait for that run to end; only if it is dead: "
        ". ./env.sh && pulumi cancel -s test\n"
    )
    for verb in ("up", "destroy"):
        code, out, err = run(project, verb, "test", "--yes")
        # The SDK misses the checksum that the server makes of what comes in by its door.
        own = "".join(line for line in err.splitlines(True) if not line.startswith("SDK "))
        assert (code, out, own) == (8, "", text)
    assert run(project, "preview", "test")[0] == 0, "a preview needs no lock"
    assert lock.exists()


def test_the_lock_of_a_killed_run_goes_by_the_command_that_is_told(
    bucket: Bucket, tmp_path: Path
) -> None:
    project = project_on(bucket, tmp_path / "project")
    (project.root / "hold").touch()
    process = guesthouse(project, "up", "test", "--yes")
    until = time.monotonic() + 60
    while not (project.root / "holding").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    (lock,) = bucket.locks.iterdir()
    process.kill()
    os.kill(json.loads(lock.read_text())["pid"], signal.SIGKILL)
    process.communicate()
    (project.root / "hold").unlink()

    code, out, err = run(project, "up", "test", "--yes")
    assert (code, out) == (8, "")
    assert re.search(r"(?:s|min) ago; this machine has no such process, it may be dead\n", err), err
    command = err.rpartition("only if it is dead: ")[2].strip()
    shell(project, command)
    assert run(project, "up", "test", "--yes")[0] == 0
    assert run(project, "preview", "test", "--expect-no-changes")[0] == 0


def test_a_stack_in_a_bucket_can_be_forgotten(bucket: Bucket, tmp_path: Path) -> None:
    project = project_on(bucket, tmp_path / "project")
    assert run(project, "up", "test", "--yes")[0] == 0
    before = bucket.objects()
    assert forget_stack(Project(project.root), "test", shared=False) != []
    assert bucket.objects() == before
    forget_stack(Project(project.root), "test")
    assert not [key for key in bucket.objects() if key.endswith("stacks/guesthouse/test.json")]
    assert forget_stack(Project(project.root), "test") == []


def test_a_stack_moves_from_the_folder_into_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """By the commands of docs/state.md."""
    project = EngineProject(tmp_path / "project", PROGRAM)
    project.write()
    project.secret("web_password", "correct-horse-battery")
    shutil.copy(CHECKOUT / "env.sh", project.root)
    assert run(project, "up", "test", "--yes")[0] == 0
    text = (CHECKOUT / "docs/state.md").read_text()
    before, after = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    shell(project, before.replace("mine", "test"))
    settings = project.root / "Pulumi.yaml"
    settings.write_text(f'backend:\n  url: "{bucket.url}"\n{settings.read_text()}')
    config = (project.root / "stacks/Pulumi.test.yaml").read_text()
    shell(project, after.replace("mine", "test"))
    assert (project.root / "stacks/Pulumi.test.yaml").read_text() == config
    assert run(project, "preview", "test", "--expect-no-changes")[0] == 0
    assert run(project, "destroy", "test", "--yes")[0] == 0


CUT_OFF = {
    "cut off": (False, "place 1: unexpected end of JSON input"),
    "cut off below the server": (True, "checksum did not match"),
}


@pytest.mark.parametrize("how", CUT_OFF)
def test_one_broken_state_in_a_bucket_does_not_block_others(
    bucket: Bucket, tmp_path: Path, how: str
) -> None:
    project = project_on(bucket, tmp_path / "project")
    other = project.root / "stacks/other.site.yaml"
    other.write_text((project.root / "stacks/test.site.yaml").read_text())
    project.of("other", "stack", "init")
    assert run(project, "destroy", "other", "--yes")[0] == 0, (
        "the control: whole, it is no obstacle"
    )
    broken = bucket.folder / "states/.pulumi/stacks/guesthouse/other.json"
    whole = broken.read_bytes()
    below, why = CUT_OFF[how]
    if not below:
        # An object of its own, without the checksum that the server made of the old one.
        broken.unlink()
    broken.write_bytes(whole[:30])

    for argv in (["up", "--yes"], ["preview"], ["verify"], ["status"]):
        code, out, err = run(project, argv[0], "test", *argv[1:])
        assert code == 0, out + err
    for argv in (["up", "--yes"], ["preview"], ["verify"], ["destroy", "--yes"]):
        code, _out, err = run(project, argv[0], "other", *argv[1:])
        told = re.sub(r"(?m)^SDK .*\n", "", err)
        assert code == 7, err
        assert told.startswith("error: stack other: its state cannot be read, got "), told
        assert why in told and told.count("error:") == 1
        assert "  hint: put back an earlier version of the object " in told

    (backup, *_) = sorted((bucket.folder / "states/.pulumi/backups/guesthouse/other").iterdir())
    broken.unlink()
    shutil.copy(backup, broken)
    assert run(project, "destroy", "other", "--yes")[0] == 0, "by the hint"


def test_a_bucket_that_refuses_is_no_broken_state(bucket: Bucket, tmp_path: Path) -> None:
    project = project_on(bucket, tmp_path / "project")
    project.env["AWS_SECRET_ACCESS_KEY"] = "another"  # noqa: S105
    code, _out, err = run(project, "up", "test", "--yes")
    assert code == 7 and "SignatureDoesNotMatch" in err and "earlier version" not in err
