"""A lab of the tests' own: a scratch project with its own hosts, stack and state.

It is booted once for all tests of this folder and taken away at the end, whatever happened.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab_project import Edit, LabProject, why

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


@pytest.fixture
def edit(deployed: LabProject) -> Iterator[Edit]:
    """Replace texts of the site file (old, new, old, new...), which is as at first but for them; at
    the end the file and the stack are as before."""
    file = deployed.root / "stacks/lab.site.yaml"
    whole = file.read_text()

    def change(*texts: str) -> None:
        text = whole
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            assert whole.count(old) == 1
            text = text.replace(old, new)
        file.write_text(text)

    yield change
    file.write_text(whole)
    if deployed.applied == whole:
        return
    back = deployed.run("up", "lab", "--yes")
    if back.returncode:
        # A test that failed half-way left what is not undone without permission. This one is to
        # blame, the tests after it begin as they should.
        file.write_text(f"{whole}allow: [link_loss, restart, replace, destroys_data]\n")
        deployed.guesthouse("up", "lab", "--yes", "--refresh")
        file.write_text(whole)
    assert back.returncode == 0, why(back)
