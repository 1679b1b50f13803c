"""Every command in a project with two stacks, none of them `lab`; with the real engine.

The table is held to the commands of the typer app, so a new one has to be added here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer
from cli_site import SITE
from typer.main import get_command

from guesthouse.cli.app import app, run
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
from scratch import scratch_project

PROGRAM = "import pulumi\n"
NO_LAB = "error: lab: is not there\n  hint: run: guesthouse lab up\n"
WHICH = "error: stack: which one?, allowed 'one', 'two'\n  hint: name it: guesthouse {}\n"
NO_FILES = "error: guest web: host 'h1' is libvirt's test driver: it has no files\n"

# Command -> arguments, exit code, what is on standard error in the end (where it matters).
NAMED: dict[str, tuple[list[str], int, str]] = {
    "check": (["stacks/one.site.yaml"], 0, ""),
    "schema": ([], 0, ""),
    "plan": (["one"], 0, ""),
    "preview": (["one"], 0, ""),
    "up": (["one", "--yes"], 0, ""),
    "verify": (["one"], 0, "asking 0 hosts\n"),
    "status": (["one"], 0, ""),
    "metrics": (["one"], 0, ""),
    "where": (["-s", "one", "web"], 2, NO_FILES),
    "measure": (["one"], 2, ""),
    "ssh": (["-s", "one", "web"], 2, "error: guest web: no address is known\n"),
    "state check": (["one"], 0, ""),
    "state recover": (["one"], 0, ""),
    "destroy": (["one", "--yes"], 0, ""),
    "lab up": (["--help"], 0, ""),
    "lab build": (["--help"], 0, ""),
    "lab down": ([], 0, "lab: nothing to take down\n"),
    "lab status": ([], 6, NO_LAB),
    "lab ssh": ([], 6, NO_LAB),
    "lab power": (["h1", "off"], 6, NO_LAB),
    "lab link": (["h1", "down"], 6, NO_LAB),
}
# Without a stack's name: what the hint says in its place.
UNNAMED = {
    "status": ([], "status STACK"),
    "where": (["web"], "where -s STACK web"),
    "ssh": (["web"], "ssh -s STACK web"),
}


def commands(group: typer.core.TyperGroup, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{name} ")
        else:
            yield f"{before}{name}"


def app_commands() -> list[str]:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return list(commands(group))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = scratch_project(tmp_path_factory.mktemp("two") / "project", PROGRAM)
    for path in (folder / "stacks").iterdir():
        path.unlink()
    site = SITE.replace("password: {secret: web_password}, ", "")
    assert site != SITE
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stack in ("one", "two"):
            (folder / f"stacks/{stack}.site.yaml").write_text(site.replace("one-1", f"{stack}-1"))
            Engine(Project(folder)).ask("stack", "init", stack, "--no-select")
            Engine(Project(folder)).ask("config", "set", "-s", stack, "site", f"{stack}.site.yaml")
    return Project(folder)


@pytest.fixture(autouse=True)
def inside(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two.root)


def test_the_table_has_every_command() -> None:
    assert sorted(NAMED) == sorted(app_commands())


@pytest.mark.parametrize("command", NAMED)
def test_a_named_stack_is_enough(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    words, code, said = NAMED[command]
    found = run([*command.split(), *words])
    out, err = capfd.readouterr()
    assert "which one?" not in err
    assert (found, said in err) == (code, True), out + err


@pytest.mark.parametrize("command", UNNAMED)
def test_without_a_name_the_hint_is_a_command_that_names_it(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words, naming = UNNAMED[command]
    assert run([command, *words]) == 2
    assert capfd.readouterr().err == WHICH.format(naming)
    run(naming.replace("STACK", "one").split())
    err = capfd.readouterr().err
    assert "which one?" not in err and "No such option" not in err and "Usage" not in err


def test_verify_names_the_stack_where_it_says_how_to_log_in(
    two: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    host = '{address: 127.0.0.1, port: 1, maintenance: true, host_keys: ["ssh-ed25519 AAAA"]}'
    path = two.root / "stacks/two.site.yaml"
    before = path.read_text()
    path.write_text(before.replace('{libvirt_uri: "test:///default", memory_mib: 2048}', host))
    assert run(["verify", "two"]) == 0
    out = capfd.readouterr().out
    assert "guesthouse ssh -s two h1\n" in out, out
    path.write_text(before)
