"""A running stack whose machines are broken by hand, one attribute at a time.

Only the machine that was broken is asked again; what the others said is taken from before.
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab_project import LabProject
from mutations import Mutation

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

    @contextmanager
    def broken(self, mutation: Mutation) -> Iterator[None]:
        """The machine while it is broken; whatever happens, it is mended."""
        self.run(mutation.machine, mutation.broken)
        try:
            yield
        finally:
            _until_it_works(lambda: self.run(mutation.machine, mutation.mended))

    def fails_its_check_only(self, mutation: Mutation) -> None:
        """Break one attribute: its check fails, and says what to do; no other one does."""
        with self.broken(mutation):
            found = self.now(mutation.machine)
        assert [f.id for f in found.values() if f.status == "failed"] == [mutation.check]
        failed = found[mutation.check]
        assert failed.path in mutation.check and failed.remedy
        assert not green(found.values())

    def is_as_declared(self) -> None:
        """No check of any machine fails, each asked anew."""
        for machine in (*self.facts.hosts, *self.facts.guests):
            found = self.now(machine)
            assert green(found.values()), [f for f in found.values() if f.is_red]


def running(lab: LabProject) -> Site:
    """The lab's stack, which must be as declared."""
    opened = open_stack(Project(lab.root), "lab")
    door = Access(opened.ssh)
    facts = gather(opened.plan, door, print)
    findings = judge(checks(opened.plan), facts)
    assert green(findings), [f for f in findings if f.is_red]
    return Site(opened.plan, door, facts)


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
