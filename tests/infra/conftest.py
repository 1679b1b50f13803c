"""`pytest tests/infra --stack STACK`: the checks of `guesthouse verify`, a test for each.

Not collected without ``--stack``, so that the usual run of the tests needs no machine.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from guesthouse.checks import Finding
from guesthouse.checks.pytest_plugin import (
    DECLARED,
    Declared,
    add_options,
    is_asked_for,
    look_up,
    parametrize,
)
from guesthouse.cli.project import Project
from guesthouse.cli.stack import open_stack
from guesthouse.errors import GuesthouseError
from guesthouse.facts.access import Access

HERE = Path(__file__).resolve().parent

pytest_addoption = add_options
pytest_generate_tests = parametrize


def pytest_configure(config: pytest.Config) -> None:
    if not is_asked_for(config, HERE):
        return
    stack = config.getoption("stack", None)
    if not stack:
        raise pytest.UsageError("tests/infra needs a stack: pytest tests/infra --stack STACK")
    try:
        opened = open_stack(Project.find(), stack)
    except GuesthouseError as error:
        raise pytest.UsageError(str(error)) from None
    door = Access(opened.ssh)
    config.stash[DECLARED] = Declared(opened.plan, door, config.getoption("deep"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if DECLARED in config.stash else True


@pytest.fixture
def finding(request: pytest.FixtureRequest, check_id: str) -> Finding:
    """What was found for the check that the test is named after."""
    return look_up(request.config, check_id)
