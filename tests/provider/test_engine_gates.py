"""`preview --fail-on` and the policy pack, with the real engine on libvirt's test driver."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from project import EngineProject

from guesthouse.cli.app import run
from scratch import CHECKOUT

PACK = ("--policies", str(CHECKOUT / "policies"))
# Exit code, and all that was said.
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    project: EngineProject, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    for name in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(project.root)

    def of(*argv: str) -> tuple[int, str]:
        code = run([argv[0], "test", *argv[1:]])
        said = capfd.readouterr()
        return code, said.out + said.err

    return of


def replace(project: EngineProject, old: str, new: str) -> None:
    site = project.root / "stacks/test.site.yaml"
    text = site.read_text()
    assert old in text
    site.write_text(text.replace(old, new, 1))


def test_a_preview_fails_on_what_costs_too_much(project: EngineProject, command: Command) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    assert command("preview", "--fail-on", "none")[0] == 0

    project.write(memory_mib=256, allow="[restart]")
    code, said = command("preview", "--fail-on", "restart", "--json")
    assert code == 5
    assert (
        "error: guest g0: memory 128 -> 256 MiB (restart: it was started with at most 128 MiB) is "
        "not let through by --fail-on restart\nerror: guest g1: memory 128 -> 256 MiB" in said
    )
    assert command("preview", "--fail-on", "migrate")[0] == 0

    # A refusal is the preview's own failure.
    project.write(memory_mib=256)
    code, said = command("preview", "--fail-on", "none")
    assert code == 5
    assert "let through" not in said


def test_a_preview_fails_on_a_guest_that_is_deleted(
    project: EngineProject, command: Command
) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(count=1, description="better")
    report = project.root / "report"
    code, said = command("preview", "--fail-on", "destroys_data", "--report", str(report))
    assert code == 5
    told = json.loads((report / "report.json").read_text())
    assert (told["outcome"], told["exit_code"]) == ("held", 5)
    refused = [line for line in said.splitlines() if line.startswith("error: ")]
    deleted = "deleted, and its disks (destroys_data) is not let through by --fail-on destroys_data"
    assert refused == [f"error: guest g1: {deleted}"]
    assert told["held"] == [{"what": f"guest g1: {deleted}", "hint": ""}]
    code, said = command("preview", "--fail-on", "live")
    live = "description plain -> better (live) is not let through by --fail-on live"
    assert code == 5 and f"error: guest g0: {live}" in said
    # Events that went elsewhere tell nothing, and let nothing through.
    elsewhere = ("--", "--event-log", str(project.root / "elsewhere"))
    code, said = command("preview", "--fail-on", "migrate", *elsewhere)
    assert code == 5 and "error: preview: its events do not say how it ended" in said


def test_the_pack_lets_a_clean_site_through(project: EngineProject, command: Command) -> None:
    code, said = command("preview", *PACK)
    assert code == 0, said
    assert "guesthouse@v0.1.0" in said and "[mandatory]" not in said
    assert "correct-horse" not in said


def test_the_pack_stops_an_up_before_anything_is_made(
    project: EngineProject, command: Command
) -> None:
    project.secret("web_password", "changeme")
    replace(project, "size_gib: 1", "size_gib: 1, cache: unsafe")
    replace(project, "memory_mib: 8192", "memory_mib: 280")
    code, said = command("up", "--yes", *PACK)
    assert code == 1
    flat = " ".join(said.split())
    assert "[mandatory] no-unsafe-cache (guesthouse:index:Guest: g0)" in flat
    assert "guests.g0.disks.root.cache: unsafe: what the guest has written is lost" in flat
    assert "guests.g1.cloud_init.users.admin.password: the secret 'web_password' is short" in flat
    assert (
        "hosts.t1.memory_mib: its guests may grow to 256 MiB, of 280 MiB they may have 252 "
        "hint: lower memory_max_mib of some, or move one to another host" in flat
    )
    assert "changeme" not in said
    state = json.loads(project.pulumi("stack", "export"))
    assert not state["deployment"].get("resources")


def test_the_pack_sees_what_is_declared_and_not_what_the_state_holds(
    project: EngineProject, command: Command, tmp_path: Path
) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    replace(project, "memory_mib: 8192", "memory_mib: 280")
    project.pulumi("preview", "--expect-no-changes")
    code, said = command("preview", *PACK)
    assert code == 1 and "hosts.t1.memory_mib: its guests may grow to 256 MiB" in said

    levels = tmp_path / "levels.json"
    levels.write_text('{"memory-reserve": "advisory"}')
    code, said = command("preview", *PACK, "--", "--policy-pack-config", str(levels))
    assert code == 0 and "[advisory]  memory-reserve" in said
