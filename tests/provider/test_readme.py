"""Every command of README.md is one that exists, and those that need no lab work as written."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from guesthouse.cli.app import app
from guesthouse.sitefile.cloud_config import schema_file
from scratch import CHECKOUT, scratch_project

README = (CHECKOUT / "README.md").read_text()
BLOCK = re.compile(r"(?ms)^```\w*\n(.*?)^```$")


def commands() -> Iterator[str]:
    """All that begin with `guesthouse`, of lines in blocks and of words in the text."""
    lines = [line for block in BLOCK.findall(README) for line in block.splitlines()]
    inline = re.findall(r"`([^`]+)`", BLOCK.sub("", README))
    for text in [*lines, *(" ".join(words.split()) for words in inline)]:
        if text.startswith("guesthouse "):
            yield text.replace("\\|", "|").partition(" ||")[0].partition("  #")[0]


def found(words: list[str]) -> tuple[set[str], list[str]]:
    """The options of the app's command, and the words that are left."""
    command = get_command(app)
    while isinstance(command, typer.core.TyperGroup):
        command, words = command.commands[words[0]], words[1:]
    return {name for parameter in command.params for name in parameter.opts}, words


def test_no_command_asks_for_a_program_that_setup_does_not_bring() -> None:
    assert "uv run" not in README
    assert len(list(commands())) > 20


@pytest.mark.parametrize("text", sorted(set(commands())))
def test_commands_and_options_exist(text: str) -> None:
    words = shlex.split(text.replace("[", " ").replace("]", " ").partition(" -- ")[0])[1:]
    firsts = words[0].split("|")
    if words[0] == "lab":
        firsts = [f"lab {name}" for name in words.pop(1).split("|")]
    for first in firsts:
        options, rest = found([*first.split(), *words[1:]])
        assert [word for word in rest if word.startswith("--") and word not in options] == []


SECRETS = re.search(r"`(\. \./env\.sh; pulumi stack init mine;[^`]*)`", README)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout that is set up, on a machine whose user has nothing yet."""
    folder = scratch_project(tmp_path / "checkout")
    (tmp_path / "home").mkdir()
    shutil.copy(CHECKOUT / "env.sh", folder)
    shutil.copy(CHECKOUT / "stacks/example.pub", folder / "stacks")
    (folder / ".guesthouse/state").mkdir()
    (folder / ".guesthouse/passphrase").write_text("correct-horse\n")
    return folder


def typed(fresh: Path, shell: str, line: str, text: str = "") -> str:
    """What is said; the environment has nothing of ours."""
    done = subprocess.run(
        [shell, "-c", line],
        cwd=fresh,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(fresh.parent / "home"),
            # What `make setup` has fetched: the schema of cloud-init.
            "XDG_CACHE_HOME": str(schema_file().parents[2]),
        },
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_needs_no_lab_works_as_written(fresh: Path, shell: str) -> None:
    assert SECRETS
    typed(fresh, shell, SECRETS[1].replace("NAME", "web_password"), "correct-horse-battery")
    assert "secure: v1:" in (fresh / "stacks/Pulumi.mine.yaml").read_text()
    example = "stacks/example.site.yaml"
    check = "guesthouse check stacks/mine.site.yaml"
    assert check in set(commands())
    (fresh / "stacks/mine.site.yaml").write_text((fresh / example).read_text())
    for line in (check, f"guesthouse check {example}", "guesthouse plan mine"):
        typed(fresh, shell, f". ./env.sh && {line}")
    assert (
        typed(fresh, shell, ". ./env.sh && guesthouse schema")
        == (CHECKOUT / "docs/site.schema.json").read_text()
    )
