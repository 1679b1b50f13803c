"""Asking a site's machines: hosts side by side, then the guests that run, with patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from guesthouse.checks.check import HostFacts, SiteFacts
from guesthouse.checks.questions import guest_question, host_question
from guesthouse.checks.virtual_function import peers
from guesthouse.errors import MachineError, UnreachableError
from guesthouse.facts.inside import CloudInitFact, InsideFact, cloud_init, pings
from guesthouse.facts.parallel import in_parallel
from guesthouse.facts.question import Question, Runner, ask
from guesthouse.facts.together import NotAnswered, as_root
from guesthouse.placement import GuestPlan, HostPlan, Plan

T = TypeVar("T")
Say = Callable[[str], None]

# sshd lets 10 sessions share a connection (MaxSessions); every guest is reached through its host.
GUESTS_AT_ONCE = 4
# A host is there or not, but a busy one may let the first connections time out. A guest that was
# just started has its own time, ``timeout_s``, until its sshd answers.
HOST_PATIENCE_S = 45.0
PAUSE_S = 3.0


class Door(Protocol):
    """What ``facts.access.Access`` is: the way to ask machines by name."""

    def knows(self, name: str) -> bool: ...
    def pinned(self, name: str) -> tuple[str, ...]: ...
    def runner(self, name: str) -> Runner: ...


def left_out(plan: Plan) -> dict[str, str]:
    """Machines that are not asked on purpose, with the reason."""
    hosts = {n: reason for n, item in plan.hosts.items() if (reason := _reason_to_leave_out(item))}
    return hosts | {g.name: hosts[g.host] for g in plan.guests.values() if g.host in hosts}


def _reason_to_leave_out(item: HostPlan) -> str:
    if not item.has_ssh:
        return f"host {item.name} is libvirt's test driver: there is no machine to look at"
    return f"host {item.name} is in maintenance" if item.host.maintenance else ""


def gather(
    plan: Plan, door: Door, say: Say, deep: bool = False, patience_s: float | None = None
) -> SiteFacts:
    """All facts of a site. A machine that does not answer becomes a text that says why."""
    absent = left_out(plan)
    names = [name for name in plan.hosts if name not in absent]
    say(f"asking {len(names)} hosts")
    hosts = in_parallel(
        {name: partial(_host, plan, door, name, deep, say, patience_s) for name in names},
        lambda name: name,
        1,
    )
    guests = {
        g.name: g
        for g in plan.guests.values()
        if g.host in hosts and g.login and g.power == "running"
    }
    closed = {name: _closed(guest, door, hosts[guest.host]) for name, guest in guests.items()}
    runs = {name: guest for name, guest in guests.items() if not closed[name]}
    if runs:
        say(f"asking {len(runs)} guests")
    inside = _asked(runs, partial(_guest, plan, door, say, patience_s))
    late = {name: g for name, g in runs.items() if _lacks(plan, g, inside[name])}
    inside |= _asked(late, partial(_reached, plan, door, inside))
    return SiteFacts(
        hosts=hosts,
        guests={name: inside[name] if name in runs else closed[name] for name in guests},
        pinned={name: door.pinned(name) for name in guests if door.knows(name)},
        left_out=absent,
    )


def _asked(
    guests: Mapping[str, GuestPlan], work: Callable[[GuestPlan], InsideFact | str]
) -> dict[str, InsideFact | str]:
    """What guests say, some of each host side by side."""
    jobs = {name: partial(work, guest) for name, guest in guests.items()}
    return in_parallel(jobs, lambda name: guests[name].host, GUESTS_AT_ONCE)


def _reason(error: MachineError) -> str:
    problem = error.problems[0]
    return f"{problem.what}: {problem.got}".strip(": ").replace("\n", " ")


def _host(
    plan: Plan, door: Door, name: str, deep: bool, say: Say, patience_s: float | None
) -> HostFacts | str:
    question = host_question(plan, name, deep)
    patience_s = HOST_PATIENCE_S if patience_s is None else min(patience_s, HOST_PATIENCE_S)
    try:
        return _patiently(door.runner(name), name, question, say, patience_s)
    except MachineError as error:
        return _reason(error)


def _closed(guest: GuestPlan, door: Door, host: HostFacts | str) -> str:
    """Why a guest cannot be asked at all; empty when it can."""
    if isinstance(host, str):
        return f"host {guest.host}: {host}"
    if isinstance(host.hypervisor, NotAnswered):
        return host.hypervisor.reason
    domain = host.hypervisor.domains.get(guest.name)
    if isinstance(domain, NotAnswered):
        return domain.reason
    if domain is None or domain.state != "running":
        return f"the guest does not run on {guest.host}"
    return "" if door.knows(guest.name) else "no `up` has told its address yet"


def _guest(
    plan: Plan, door: Door, say: Say, patience_s: float | None, guest: GuestPlan
) -> InsideFact | str:
    """Ask one guest; wait for its sshd, and for cloud-init to be done."""
    run, start = door.runner(guest.name), time.monotonic()
    patience_s = guest.timeout_s if patience_s is None else patience_s
    again_s = min(patience_s, HOST_PATIENCE_S)
    try:
        first = _patiently(run, guest.name, guest_question(plan, guest), say, patience_s)
        if _is_done(first.cloud_init):
            return first
        say(f"{guest.name}: waiting for cloud-init")
        while time.monotonic() < start + patience_s:
            time.sleep(PAUSE_S)
            if _is_done(_patiently(run, guest.name, cloud_init(), say, again_s)):
                break
        return _patiently(run, guest.name, guest_question(plan, guest), say, again_s)
    except MachineError as error:
        return _reason(error)


def _lacks(plan: Plan, guest: GuestPlan, fact: InsideFact | str) -> bool:
    """Whether one of those that it must reach did not answer: it may have been booting then."""
    wanted = {address for _, address in peers(plan, guest)}
    if isinstance(fact, str) or not wanted:
        return False
    return isinstance(fact.reached, NotAnswered) or not wanted <= fact.reached


def _reached(
    plan: Plan, door: Door, inside: Mapping[str, InsideFact | str], guest: GuestPlan
) -> InsideFact | str:
    """The same fact with those that answer now, when all guests were waited for."""
    fact, run, question = inside[guest.name], door.runner(guest.name), pings(peers(plan, guest))
    try:
        reached = ask(run, Question(as_root(question.command), question.parse))
    except MachineError:
        return fact
    return fact if isinstance(fact, str) else replace(fact, reached=reached)


def _is_done(fact: object) -> bool:
    return not isinstance(fact, CloudInitFact) or fact.finished


def _patiently(run: Runner, name: str, question: Question[T], say: Say, patience_s: float) -> T:
    """Ask, and ask again while the machine does not answer at all."""
    deadline = time.monotonic() + patience_s
    told = False
    while True:
        try:
            return ask(run, question)
        except UnreachableError as error:
            # Another key than the pinned one is an answer: waiting would not change it.
            left_s = deadline - time.monotonic()
            if "Host key verification failed" in str(error) or left_s <= 0:
                raise
            if not told:
                say(f"{name}: waiting for its sshd ({_reason(error)})")
                told = True
        time.sleep(min(PAUSE_S, left_s))
