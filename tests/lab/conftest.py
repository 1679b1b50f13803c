"""A lab of the tests' own: a scratch project with its own hosts, stack and state.

It is booted once for all tests of this folder and taken away at the end, whatever happened.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab_project import LabProject

from scratch import scratch_project


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProject]:
    project = LabProject(scratch_project(tmp_path_factory.mktemp("lab") / "project"))
    try:
        project.guesthouse("lab", "up")
        yield project
    finally:
        project.run("lab", "down")


@pytest.fixture(scope="session")
def deployed(lab: LabProject) -> LabProject:
    """The lab with its stack on it."""
    lab.guesthouse("up", "lab", "--yes")
    return lab
