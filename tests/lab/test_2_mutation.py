"""Each declared attribute, broken by hand on a running machine, fails exactly its check.

Only the machine that was broken is asked again; what the others said is taken from before.
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Callable, Iterator

import pytest
from lab_project import LabProject
from mutations import MUTATIONS, Mutation

from guesthouse.checks import Finding, green
from guesthouse.checks.check import SiteFacts, judge
from guesthouse.checks.compile import checks
from guesthouse.checks.gather import gather
from guesthouse.checks.questions import guest_question, host_question
from guesthouse.cli.project import Project
from guesthouse.cli.stack import open_stack
from guesthouse.errors import MachineError
from guesthouse.facts.access import Access
from guesthouse.facts.question import ask
from guesthouse.placement import Plan


@dataclasses.dataclass(frozen=True)
class Site:
    """The running stack: plan, way in, and what all machines said at first."""

    plan: Plan
    door: Access
    facts: SiteFacts

    def run(self, machine: str, command: str) -> str:
        """Run a command as root on a machine."""
        sudo = "sudo -n " if machine in self.plan.guests else ""
        return self.door.runner(machine)(f"{sudo}sh -c {shlex.quote(command)}")

    def now(self, machine: str) -> dict[str, Finding]:
        """All findings, with this machine asked anew."""
        run = self.door.runner(machine)
        if machine in self.plan.guests:
            fact = ask(run, guest_question(self.plan, self.plan.guests[machine]))
            facts = dataclasses.replace(self.facts, guests={**self.facts.guests, machine: fact})
        else:
            host = ask(run, host_question(self.plan, machine))
            facts = dataclasses.replace(self.facts, hosts={**self.facts.hosts, machine: host})
        return {finding.id: finding for finding in judge(checks(self.plan), facts)}


@pytest.fixture(scope="module")
def site(deployed: LabProject) -> Site:
    opened = open_stack(Project(deployed.root), "lab")
    door = Access(opened.ssh)
    facts = gather(opened.plan, door, print)
    findings = judge(checks(opened.plan), facts)
    assert green(findings), [f for f in findings if f.is_red]
    return Site(opened.plan, door, facts)


@pytest.fixture
def broken(site: Site, mutation: Mutation) -> Iterator[Mutation]:
    """The machine while it is broken; whatever happens, it is mended."""
    site.run(mutation.machine, mutation.broken)
    try:
        yield mutation
    finally:
        _until_it_works(lambda: site.run(mutation.machine, mutation.mended))


def _until_it_works(action: Callable[[], object], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            action()
            return
        except MachineError:
            if time.monotonic() > deadline:
                raise
        time.sleep(3)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[m.check for m in MUTATIONS])
def test_breaking_one_attribute_fails_its_check_only(site: Site, broken: Mutation) -> None:
    found = site.now(broken.machine)
    assert [f.id for f in found.values() if f.status == "failed"] == [broken.check]
    failed = found[broken.check]
    assert failed.path in broken.check and failed.remedy
    assert not green(found.values())


def test_after_all_that_everything_is_as_declared(site: Site) -> None:
    for machine in (*site.facts.hosts, *site.facts.guests):
        found = site.now(machine)
        assert green(found.values()), [f for f in found.values() if f.is_red]


def test_the_table_is_long_enough() -> None:
    assert len({mutation.check for mutation in MUTATIONS}) >= 25


# What our provider owns, on a host and of a guest, all broken at once.
OWNED = (
    "hosts.h1.files./etc/motd.d/10-guesthouse.content",
    "hosts.h1.files./etc/motd.d/10-guesthouse.owner",
    "guests.web.autostart",
    "guests.web.description",
)


def test_what_we_own_is_shown_by_preview_and_mended_by_up(site: Site, lab: LabProject) -> None:
    for mutation in MUTATIONS:
        if mutation.check.removeprefix("h1: ") in OWNED:
            site.run("h1", mutation.broken)
    failed = {f.path for f in site.now("h1").values() if f.status == "failed"}
    assert failed == set(OWNED)
    preview = lab.run("preview", "lab", "--refresh", "--diff", "--expect-no-changes")
    assert preview.returncode != 0
    for word in ("10-guesthouse", "autostart", "another guest"):
        assert word in preview.stdout + preview.stderr
    lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert green(site.now("h1").values())
