"""The checks as pytest tests: one test for each check, the machines asked once a session.

``tests/infra`` gives it a plan and the way to the machines; the checks are those of
``guesthouse verify``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from guesthouse.checks.after import verify
from guesthouse.checks.check import Check
from guesthouse.checks.compile import checks
from guesthouse.checks.finding import Finding
from guesthouse.checks.gather import Door
from guesthouse.display import visible
from guesthouse.placement import Plan


@dataclass(frozen=True)
class Declared:
    """A stack to be checked: what is declared, and the way to its machines."""

    plan: Plan
    door: Door
    deep: bool = False

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks; no machine is asked."""
        return checks(self.plan, self.deep)

    @cached_property
    def findings(self) -> dict[str, Finding]:
        """Every check's finding by id; the machines are asked at the first use."""
        return {f.id: f for f in verify(self.plan, self.door, deep=self.deep)}


DECLARED = pytest.StashKey[Declared]()


def add_options(parser: pytest.Parser) -> None:
    """``--stack`` and ``--deep``."""
    group = parser.getgroup("guesthouse")
    group.addoption("--stack", metavar="STACK", help="check the running machines of this stack")
    group.addoption("--deep", action="store_true", help="read images whole and compare digests")


def is_asked_for(config: pytest.Config, folder: Path) -> bool:
    """True when the command line names ``folder`` or something in it."""
    named = (Path(str(arg).split("::")[0]) for arg in config.args)
    places = (path if path.is_absolute() else config.invocation_params.dir / path for path in named)
    return any(place.resolve().is_relative_to(folder) for place in places)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """One test for each check: its id and its place in the site file are the test's name."""
    if "check_id" in metafunc.fixturenames:
        declared = metafunc.config.stash.get(DECLARED, None)
        ids = [check.id for check in declared.checks] if declared else []
        metafunc.parametrize("check_id", ids, ids=ids)


def look_up(config: pytest.Config, check_id: str) -> Finding:
    """The finding of a check. One that could not be answered is an error, not a skip."""
    finding = config.stash[DECLARED].findings[check_id]
    if finding.status == "not checked":
        if finding.is_red:
            pytest.fail(visible(f"not checked: {finding.seen}"), pytrace=False)
        pytest.skip(visible(f"not checked: {finding.seen}"))
    return finding


def expect(finding: Finding) -> None:
    """Fails the test with what was seen, wanted, and what to do."""
    if finding.status == "failed":
        pytest.fail(
            visible(
                f"{finding.path}: {finding.what} (on {finding.machine})\n"
                f"seen: {finding.seen}\nwanted: {finding.wanted}\nremedy: {finding.remedy}"
            ),
            pytrace=False,
        )
