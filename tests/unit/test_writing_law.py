"""The laws of writing that a machine can check: sizes, docstrings, no drawer for everything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "modules" / "guesthouse"
FILE_LINES, TEST_LINES, FUNCTION_LINES, TEMPLATE_LINES = 250, 300, 40, 80


def too_long(files: Iterator[Path], limit: int) -> list[str]:
    """Files with more lines than ``limit``."""
    counts = ((file, len(file.read_text().splitlines())) for file in sorted(files))
    return [
        f"{file.name}: {count} lines, at most {limit}" for file, count in counts if count > limit
    ]


def long_functions(files: Iterator[Path]) -> list[str]:
    """Functions with more lines than allowed, from ``def`` to the end."""
    found = []
    for file in sorted(files):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES:
                    found.append(f"{file.name}:{node.lineno} {node.name}: {count} lines")
    return found


def test_files_are_short() -> None:
    assert too_long(PACKAGE.rglob("*.py"), FILE_LINES) == []


def test_tests_are_short() -> None:
    assert too_long((CHECKOUT / "tests").rglob("*.py"), TEST_LINES) == []


def test_templates_are_short() -> None:
    assert too_long((CHECKOUT / "templates").rglob("*.j2"), TEMPLATE_LINES) == []


def test_functions_are_short() -> None:
    assert long_functions(PACKAGE.rglob("*.py")) == []


def test_every_room_has_a_sign_on_its_door() -> None:
    files = [PACKAGE / name for name in ("display.py", "errors.py", "sitefile.py")]
    doors = [*PACKAGE.glob("*/__init__.py"), *files]
    signs = {d: ast.get_docstring(ast.parse(d.read_text())) or "" for d in doors if d.exists()}
    lacking = [
        str(door.relative_to(PACKAGE))
        for door, sign in signs.items()
        if not all(word in sign.lower() for word in ("comes in", "goes out", "import"))
    ]
    assert lacking == []


def test_every_file_says_what_it_is_for() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py"]
    bare = [
        str(f.relative_to(PACKAGE))
        for f in files
        if not ast.get_docstring(ast.parse(f.read_text()))
    ]
    assert bare == []


def test_there_is_no_drawer_for_everything() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [str(f) for f in PACKAGE.rglob("*") if f.stem in drawers] == []


def test_the_measures_measure(tmp_path: Path) -> None:
    lines = "\n".join(["    pass"] * FUNCTION_LINES)
    (tmp_path / "long.py").write_text(f"def f():\n{lines}\nasync def g():\n{lines}\n")
    assert long_functions(tmp_path.rglob("*.py")) == [
        "long.py:1 f: 41 lines",
        "long.py:42 g: 41 lines",
    ]
    assert too_long(tmp_path.rglob("*.py"), 81) == ["long.py: 82 lines, at most 81"]
    assert too_long(tmp_path.rglob("*.py"), 82) == []
