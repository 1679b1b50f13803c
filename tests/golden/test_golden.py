"""The recorded trees: site file in, documents out, byte by byte.

``.venv/bin/pytest tests/golden --regenerate`` writes ``expected/`` anew; the change is then
reviewed as a diff, like any other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import cases
from cases import CASES, FOLDER


def recorded(case: str) -> dict[str, str]:
    """The expected tree of a case: file name -> text."""
    base = FOLDER / case / "expected"
    return {
        file.relative_to(base).as_posix(): file.read_bytes().decode()
        for file in sorted(base.rglob("*"))
        if file.is_file()
    }


def record(case: str, tree: dict[str, str]) -> None:
    """Write the expected tree of a case."""
    base = FOLDER / case / "expected"
    shutil.rmtree(base, ignore_errors=True)
    for name, text in tree.items():
        file: Path = base / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())


@pytest.mark.parametrize("case", CASES)
def test_tree(case: str, request: pytest.FixtureRequest) -> None:
    made = cases.tree(case)
    if request.config.getoption("--regenerate"):
        record(case, made)
    expected = recorded(case)
    assert sorted(made) == sorted(expected), "other files than recorded"
    for name, text in expected.items():
        assert made[name] == text, f"{case}/expected/{name} (rewrite with --regenerate)"


def test_same_text_every_time() -> None:
    """A second reading of the same file makes the same bytes: no clock, no randomness, no cache."""
    first = {case: cases.tree(case) for case in CASES}
    for made in (cases.site, cases.site_plan, cases.guest_documents):
        made.cache_clear()
    assert {case: cases.tree(case) for case in CASES} == first


def test_there_are_cases() -> None:
    assert len(CASES) >= 5
