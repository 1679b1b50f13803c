"""Broken states and a full disk, with the real engine: the other stacks go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guesthouse.cli.app import run
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
from guesthouse.errors import SetupError
from scratch import scratch_project

PROGRAM = "import pulumi\npulumi.export('guests', {})\n"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for name in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    folder = scratch_project(tmp_path / "project", PROGRAM)
    monkeypatch.chdir(folder)
    return Engine(Project(folder))


def test_one_broken_state_does_not_block_others(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.ensure_stack("broken")
    engine.ensure_stack("whole")
    # `destroy` is a run as any other, and needs no site file.
    assert run(["destroy", "broken", "--yes"]) == 0
    broken = engine.project.state / ".pulumi/stacks/guesthouse/broken.json"
    before = broken.read_bytes()
    broken.write_bytes(before[:100])

    engine.ensure_stack("whole")
    engine.ensure_stack("new")
    assert engine.outputs("whole") == {}
    assert engine.outputs("none") == {}
    said = (
        ".guesthouse/state/.pulumi/stacks/guesthouse/broken.json: the state of stack 'broken' "
        "is cut off or no JSON (100 bytes)\n"
        "  hint: run: guesthouse state recover broken (it says what it will do, and asks)"
    )
    for blocked in (engine.outputs, engine.ensure_stack):
        with pytest.raises(SetupError) as caught:
            blocked("broken")
        assert str(caught.value) == said
    capfd.readouterr()
    assert run(["destroy", "broken", "--yes"]) == 7
    assert capfd.readouterr() == ("", f"error: {said}\n")

    assert run(["state", "recover", "broken", "--yes"]) == 0
    assert broken.read_bytes() == before
    assert run(["destroy", "broken", "--yes"]) == 0


def test_a_run_without_room_is_not_begun(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.ensure_stack("one")
    monkeypatch.setattr("guesthouse.cli.state_files.LEAST_FREE_BYTES", 2**60)
    capfd.readouterr()
    assert run(["destroy", "one", "--yes"]) == 7
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(
        "error: .guesthouse/state: too little free space for a run, "
        "which could leave the state cut off, got "
    )
    with pytest.raises(SetupError):
        engine.ensure_stack("two")
    assert not engine.knows("two")
