"""The scratch project, one per test."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import EngineProject


@pytest.fixture
def project(tmp_path: Path) -> EngineProject:
    made = EngineProject(tmp_path / "project")
    made.write()
    made.secret("web_password", "correct-horse-battery")
    return made
