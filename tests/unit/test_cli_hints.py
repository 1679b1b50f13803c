"""Every hint that names a command of ours, or an option of it, names one that the app has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from guesthouse.cli.app import app

PACKAGE = Path(__file__).resolve().parents[2] / "modules/guesthouse"
COMMAND = re.compile(
    r"(?:run: |name it: |Example: |&& |`|^)guesthouse ((?:(?!writes )[a-z]+|-C)\b[^`&;\n|]*)"
)


def texts(tree: ast.AST) -> Iterator[str]:
    """All strings of a module; of an f-string the places that are filled are the word X."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "X" for part in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named() -> list[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for text in texts(ast.parse(path.read_text(), str(path))):
            found.update(match[1].strip() for match in COMMAND.finditer(text))
    return sorted(found)


def unknown(text: str) -> list[str]:
    """The words of a command line that the app does not know."""
    words = text.partition(" -- ")[0].split()
    command = get_command(app)
    options = {name for parameter in command.params for name in parameter.opts}
    while isinstance(command, typer.core.TyperGroup) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return [words[0]]
        command, words = command.commands[words[0]], words[1:]
        options |= {name for parameter in command.params for name in parameter.opts}
    return [word for word in words if re.match("--?[A-Za-z]", word) and word not in options]


def test_there_are_hints_to_look_at() -> None:
    assert {"lab up", "status STACK", "-C FOLDER ...", "up X --refresh"} <= set(named())


@pytest.mark.parametrize("text", named())
def test_every_command_of_a_hint_is_there(text: str) -> None:
    assert unknown(text) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("status STACK", []),
        ("status -s STACK", ["-s"]),
        ("stat", ["stat"]),
        ("lab upp", ["upp"]),
        ("ssh -s STACK web -- ls -la", []),
        ("verify lab --junitt FILE", ["--junitt"]),
    ],
)
def test_what_the_app_has_not_is_found(text: str, wrong: list[str]) -> None:
    assert unknown(text) == wrong
