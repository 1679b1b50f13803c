"""The import law: which room may import which, and where each third-party name lives.

Read from the syntax tree, so an import inside a function or under TYPE_CHECKING counts too. The
tables are those of the design: a new edge is a decision, made here in a line one can review.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "modules" / "guesthouse"

# Files that go into the lab's images: they run there, with what is installed there.
FOR_IMAGES = "lab/recipes/"

# Single files that everybody may import: what two rooms that may not know each other share.
GROUND = {"cache", "display", "errors", "files", "own_folder", "told", "ssh_config"}
# Room -> the rooms that it may import. Everybody may import the ground and itself.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "cache": set(),
    "display": set(),
    "errors": set(),
    "files": set(),
    "own_folder": set(),
    "told": set(),
    "ssh_config": set(),
    "model": set(),
    "sitefile": {"model"},
    "placement": {"model"},
    "render": {"model", "placement"},
    "components": {"render", "placement", "model"},
    "machine": set(),
    "facts": {"machine", "model"},
    "effects": {"model"},
    "policy": set(),
    "provider": {"machine", "facts", "effects"},
    "checks": {"placement", "facts"},
    "lab": {"machine"},
    "report": {"placement", "effects", "model"},
}
# The doors may open every room.
MAY_IMPORT["cli"] = set(MAY_IMPORT) - {"__init__"}

# Third-party name -> where it lives: a room, or one file of a room.
LIVES_IN: dict[str, set[str]] = {
    "pydantic": {"model", "machine"},
    "pydantic_core": {"model", "machine", "facts"},
    "yaml": {"sitefile", "policy"},
    "jsonschema": {"sitefile/cloud_config.py"},
    "jinja2": {"render"},
    "pulumi": {"components", "provider"},
    "pulumi_libvirt": {"components/libvirt.py"},
    "pulumi_policy": {"policy/pack.py"},
    "grpc": {"provider"},
    "google": {"provider"},
    "libvirt": {"machine", "provider"},
    "libvirt_qemu": {"machine"},
    "testinfra": {"machine"},
    "pyinfra": {"machine"},
    "gevent": {"machine"},  # pyinfra runs on it
    "paramiko": {"machine"},  # pyinfra's way to a host
    "lxml": {"effects", "render", "facts", "policy"},
    "pycdlib": {"provider"},
    "pytest": {"checks/pytest_plugin.py"},
    "typer": {"cli"},
    "rich": {"cli"},
    "prometheus_client": {"cli"},
}


def room_of(file: Path, package: Path) -> str:
    """``model`` for ``model/guest.py`` and for ``model.py``."""
    return file.relative_to(package).parts[0].removesuffix(".py")


def imported(file: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of every module that a file imports, wherever in the file."""
    here = [package.name, *file.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            # ``from guesthouse import render`` names the room after the word import.
            names = [alias.name for alias in node.names] if module == package.name else []
            yield from ((node.lineno, f"{module}.{name}") for name in names)
            if not names:
                yield node.lineno, module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        ):
            literal = node.args[0] if node.args else None
            if isinstance(literal, ast.Constant):
                yield node.lineno, str(literal.value)
            else:
                yield node.lineno, "<a module named at run time>"


def violations(package: Path) -> list[str]:
    """Every import in a package that the two tables do not allow, as ``file:line: what``."""
    found = []
    for file in sorted(package.rglob("*.py")):
        path, room = file.relative_to(package).as_posix(), room_of(file, package)
        if path.startswith(FOR_IMAGES):
            continue
        if room not in MAY_IMPORT:
            found.append(f"{path}:1: the room '{room}' is not in the table")
            continue
        for line, name in imported(file, package):
            top, _, rest = name.partition(".")
            if top == package.name:
                target = rest.split(".")[0]
                if target not in MAY_IMPORT[room] | {room} | GROUND:
                    found.append(f"{path}:{line}: '{room}' may not import '{target}'")
            elif top not in sys.stdlib_module_names:
                homes = LIVES_IN.get(top, set())
                if room not in homes and path not in homes:
                    where = ", ".join(sorted(homes)) or "nowhere yet"
                    found.append(f"{path}:{line}: '{top}' lives in: {where}")
    return found


def test_every_import_obeys_the_tables() -> None:
    assert violations(PACKAGE) == []


def test_the_program_is_short_and_names_only_pulumi_and_us() -> None:
    program = CHECKOUT / "__main__.py"
    tops = {
        name.partition(".")[0]
        for _, name in imported(program, CHECKOUT)
        if name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert tops <= {"pulumi", "guesthouse"}
    assert len(program.read_text().splitlines()) <= 30


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("told.py", "import guesthouse.model", "'told' may not import 'model'"),
        ("errors.py", "import guesthouse.model", "'errors' may not import 'model'"),
        ("checks/verify.py", "from guesthouse.render import x", "'checks' may not import 'render'"),
        ("checks/verify.py", "from guesthouse import render", "'checks' may not import 'render'"),
        ("placement/a.py", "from ..facts import disk", "'placement' may not import 'facts'"),
        ("placement/b/c.py", "from ...facts import x", "'placement' may not import 'facts'"),
        ("placement/a.py", "from .. import facts", "'placement' may not import 'facts'"),
        ("facts/a.py", "def f():\n    import guesthouse.lab", "'facts' may not import 'lab'"),
        (
            "facts/a.py",
            "import importlib\nimportlib.import_module('guesthouse.lab')",
            "'facts' may not import 'lab'",
        ),
        (
            "facts/a.py",
            "import importlib\nimportlib.import_module(input())",
            "'<a module named at run time>' lives in: nowhere yet",
        ),
        ("model/a.py", "if X:\n    import yaml", "'yaml' lives in: policy, sitefile"),
        ("components/a.py", "import pulumi_libvirt", "lives in: components/libvirt.py"),
        ("checks/a.py", "import pytest", "'pytest' lives in: checks/pytest_plugin.py"),
        ("lab/a.py", "from pyinfra.api import State", "'pyinfra' lives in: machine"),
        ("cli/a.py", "import requests", "'requests' lives in: nowhere yet"),
        ("helpers.py", "", "the room 'helpers' is not in the table"),
    ],
)
def test_the_law_sees(tmp_path: Path, path: str, text: str, expected: str) -> None:
    file = tmp_path / "guesthouse" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    found = violations(tmp_path / "guesthouse")
    assert len(found) == 1
    assert found[0].startswith(f"{path}:{max(1, text.count(chr(10)) + 1)}: ")
    assert found[0].endswith(expected)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("model/a.py", "import pydantic, json\nfrom guesthouse.model.values import x"),
        ("model/a.py", "from .values import x\nfrom guesthouse.errors import Problem"),
        ("components/libvirt.py", "import pulumi_libvirt"),
        ("checks/pytest_plugin.py", "import pytest\nfrom guesthouse.facts import x"),
        ("cli/a.py", "import rich\nfrom guesthouse import lab, provider, errors"),
        ("lab/recipes/small/seed.py", "import yaml"),
    ],
)
def test_the_law_allows(tmp_path: Path, path: str, text: str) -> None:
    file = tmp_path / "guesthouse" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert violations(tmp_path / "guesthouse") == []
