"""Labs of the tests' own: scratch projects with their own hosts, stack and state.

Each file of tests says which kind of host it needs: ``KIND = CONTAINER`` or ``KIND = EMULATED``.
The lab of a kind is made for the first test that needs it and taken away at the end, whatever
happened. Tests of one kind run one after the other; those of the other kind after them, or beside
them where there are cores for both.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from halves import half
from lab_project import Edit, LabProject, why

from guesthouse.lab import serial
from guesthouse.lab.host import CONTAINER, EMULATED
from scratch import scratch_project

HERE = Path(__file__).parent
LABS = ("eight", CONTAINER, EMULATED)
# Seconds for a test: several times what it takes on two busy cores; and for what it needs first,
# the lab and its stack.
DEADLINE_S = {CONTAINER: 900, EMULATED: 1500}
SET_UP_S = 3000
# The labs that are up, by kind, for the words of a test that is late.
UP: list[dict[str, LabProject]] = []


class Labs:
    """The labs that were asked for so far."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self.up: dict[str, LabProject] = {}
        self._done: dict[tuple[str, str], str] = {}

    def _once(self, kind: str, *argv: str) -> None:
        """Run the command in the lab of this kind. Where it failed, it fails each test at once."""
        if (kind, argv[0]) not in self._done:
            self._done[kind, argv[0]] = "was ended before it was done"
            result = self.up[kind].run(*argv)
            self._done[kind, argv[0]] = why(result) if result.returncode else ""
        if said := self._done[kind, argv[0]]:
            pytest.fail(f"guesthouse {' '.join(argv)}\n{said}", pytrace=False)

    def lab(self, kind: str) -> LabProject:
        """The lab of this kind, up, and no other."""
        for other in self.up.keys() - {kind}:
            self.up.pop(other).run("lab", "down")
            self._done = {done: said for done, said in self._done.items() if done[0] == kind}
        if kind not in self.up:
            root = scratch_project(self._folders.mktemp(kind) / "project")
            file = root / "stacks/lab.site.yaml"
            file.write_text(half(file.read_text(), kind))
            self.up[kind] = LabProject(root)
        self._once(kind, "lab", "up")
        return self.up[kind]

    def deployed(self, kind: str) -> LabProject:
        """The lab with its stack on it."""
        project = self.lab(kind)
        self._once(kind, "up", "lab", "--yes")
        return project


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    made = Labs(tmp_path_factory)
    UP.append(made.up)
    try:
        yield made
    finally:
        for project in made.up.values():
            project.run("lab", "down")


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, labs: Labs) -> LabProject:
    return labs.lab(request.module.KIND)


@pytest.fixture(scope="module")
def deployed(request: pytest.FixtureRequest, labs: Labs) -> LabProject:
    return labs.deployed(request.module.KIND)


@pytest.fixture
def edit(deployed: LabProject) -> Iterator[Edit]:
    """Replace texts of the site file (old, new, old, new...), which is as at first but for them; at
    the end the file and the stack are as before."""
    whole = deployed.site.read_text()

    def change(*texts: str) -> None:
        text = whole
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            assert whole.count(old) == 1
            text = text.replace(old, new)
        deployed.site.write_text(text)

    yield change
    deployed.site.write_text(whole)
    if deployed.applied == whole:
        return
    back = deployed.run("up", "lab", "--yes")
    if back.returncode:
        # A test that failed half-way left what is not undone without permission. This one is to
        # blame, the tests after it begin as they should.
        deployed.site.write_text(f"{whole}allow: [link_loss, restart, replace, destroys_data]\n")
        deployed.guesthouse("up", "lab", "--yes", "--refresh")
        deployed.site.write_text(whole)
    assert back.returncode == 0, why(back)


# Before xdist reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lab by lab, so that one is gone before the next begins; or each lab in a process of its own
    (`pytest -n 2 --dist loadgroup`). Tests of other folders come first."""
    ours = [item for item in items if item.path.parent == HERE]
    others = [item for item in items if item.path.parent != HERE]
    items[:] = [*others, *sorted(ours, key=lambda item: LABS.index(_lab(item)))]
    for item in ours:
        item.add_marker(pytest.mark.xdist_group(_lab(item)))


def _lab(item: pytest.Item) -> str:
    """The lab of a file of tests: its own, or that of its kind."""
    assert isinstance(item, pytest.Function)
    return str(getattr(item.module, "LAB", item.module.KIND))


def _kind(item: pytest.Item) -> str:
    assert isinstance(item, pytest.Function)
    return str(item.module.KIND)


def _late(seconds: int) -> None:
    """What the consoles of the labs that are up said last."""
    words = [f"was not done after {seconds} s"]
    for project in (project for labs in UP for project in labs.values()):
        logs = sorted((project.root / ".guesthouse/lab").glob("*.serial.log"))
        words += [f"--- {log.name}\n{serial.tail(log)}" for log in logs]
    pytest.fail("\n".join(words), pytrace=True)


def _in_time(seconds: int) -> Generator[None, None, None]:
    """The test's step fails at its deadline, also where a program is waited for."""

    def late(_number: int, _frame: FrameType | None) -> None:
        _late(seconds)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell a failure at once: a pass that is ended by its caller has no summary."""
    if report.failed:
        sys.stderr.write(f"\n{report.nodeid}, {report.when}:\n{report.longreprtext}\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    return (yield from _in_time(SET_UP_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    return (yield from _in_time(DEADLINE_S[_kind(item)]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    return (yield from _in_time(DEADLINE_S[_kind(item)]))
