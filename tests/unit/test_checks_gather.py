"""Asking a site: who is asked, who is waited for, and what a silence becomes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from checks_case import as_declared, changed, site_plan

from guesthouse.checks import gather
from guesthouse.checks.after import verify
from guesthouse.checks.check import HostFacts
from guesthouse.checks.questions import guest_question, host_question
from guesthouse.errors import MachineError, Problem, UnreachableError
from guesthouse.facts.inside import CloudInitFact, InsideFact, cloud_init
from guesthouse.facts.parallel import in_parallel
from guesthouse.facts.question import Question, Runner

PLAN = site_plan()
FACTS = as_declared(PLAN)
TIMED_OUT = UnreachableError(Problem("web", "ssh failed", got="Connection timed out"))
WAITING = "waiting for its sshd (ssh failed: Connection timed out)"
WRONG_KEY = UnreachableError(Problem("web", "ssh failed", got="Host key verification failed."))
Answer = Any


class Answers:
    """A door whose machines answer with given facts, one after the other, the last one for ever."""

    def __init__(self, answers: dict[str, list[Answer]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def knows(self, name: str) -> bool:
        return name in self.answers

    def pinned(self, name: str) -> tuple[str, ...]:
        return FACTS.pinned[name]

    def runner(self, name: str) -> Runner:
        def run(command: str) -> str:
            self.asked.append(name)
            queue = self.answers[name]
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if isinstance(answer, Exception):
                raise answer
            return str(id(answer))

        return run


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], Any]]:
    """Gathers a site whose machines give these answers; questions read facts by identity."""
    known: dict[str, Any] = {}

    def read(output: str) -> Any:
        return known[output]

    def part(output: str) -> CloudInitFact:
        answer = known[output]
        return answer if isinstance(answer, CloudInitFact) else answer.cloud_init

    monkeypatch.setattr(gather, "host_question", lambda *args: Question("", read))
    monkeypatch.setattr(gather, "guest_question", lambda *args: Question("", read))
    monkeypatch.setattr(gather, "cloud_init", lambda: Question("", part))
    monkeypatch.setattr(gather, "PAUSE_S", 0.01)

    def run(patience_s: float = 5, **answers: list[Answer]) -> tuple[list[str], Any]:
        known.update({str(id(a)): a for queue in answers.values() for a in queue})
        told: list[str] = []
        return told, gather.gather(PLAN, Answers(answers), told.append, False, patience_s)

    return run


WEB, DB, H1 = FACTS.guests["web"], FACTS.guests["db"], FACTS.hosts["h1"]
NOT_YET = changed(WEB, ("cloud_init",), CloudInitFact(False, ()))


def test_everybody_answers(site: Any) -> None:
    told, facts = site(h1=[H1], web=[WEB], db=[DB])
    assert facts == FACTS
    assert told == ["asking 1 hosts", "asking 2 guests"]


def test_a_silent_sshd_is_waited_for(site: Any) -> None:
    told, facts = site(h1=[H1], web=[TIMED_OUT, TIMED_OUT, WEB], db=[DB])
    assert facts.guests["web"] == WEB
    assert [line for line in told if "waiting" in line] == [f"web: {WAITING}"]


def test_a_busy_host_is_asked_again(site: Any) -> None:
    told, facts = site(h1=[TIMED_OUT, H1], web=[WEB], db=[DB])
    assert facts == FACTS
    assert f"h1: {WAITING}" in told


def test_cloud_init_is_waited_for(site: Any) -> None:
    told, facts = site(h1=[H1], web=[NOT_YET, CloudInitFact(False, ()), WEB], db=[DB])
    assert facts.guests["web"] == WEB
    assert "web: waiting for cloud-init" in told


def test_one_that_is_out_for_a_moment_after_its_first_answer_is_asked_again(site: Any) -> None:
    for waits in ([NOT_YET, TIMED_OUT, WEB], [NOT_YET, WEB, TIMED_OUT, WEB]):
        _, facts = site(h1=[H1], web=waits, db=[DB])
        assert facts.guests["web"] == WEB


def test_patience_ends(site: Any) -> None:
    _, facts = site(patience_s=0.05, h1=[H1], web=[TIMED_OUT], db=[DB])
    assert facts.guests["web"] == "ssh failed: Connection timed out"


def test_patience_with_cloud_init_ends_too(site: Any) -> None:
    start = time.monotonic()
    _, facts = site(patience_s=0.05, h1=[H1], web=[NOT_YET], db=[DB])
    assert facts.guests["web"] == NOT_YET
    assert time.monotonic() - start < 5


def test_another_host_key_is_not_waited_for(site: Any) -> None:
    start = time.monotonic()
    _, facts = site(patience_s=60, h1=[H1], web=[WRONG_KEY], db=[DB])
    assert facts.guests["web"] == "ssh failed: Host key verification failed."
    assert time.monotonic() - start < 5


def test_guests_of_a_silent_host_are_not_asked(site: Any) -> None:
    _, facts = site(h1=[MachineError(Problem("h1", "ssh failed", got="no\nroute"))], web=[], db=[])
    assert facts.hosts["h1"] == "ssh failed: no route"
    assert facts.guests["web"] == "host h1: ssh failed: no route"


def test_a_guest_that_does_not_run_or_has_no_address_is_not_asked(site: Any) -> None:
    off = changed(H1, ("hypervisor", "domains", "web", "state"), "shut off")
    _, facts = site(h1=[off], web=[])
    assert facts.guests["web"] == "the guest does not run on h1"
    assert facts.guests["db"] == "no `up` has told its address yet"


def test_the_real_questions_are_shell_that_parses() -> None:
    for command in (
        host_question(PLAN, "h1", deep=True).command,
        guest_question(PLAN, PLAN.guests["web"]).command,
        cloud_init().command,
    ):
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_verify_asks_this_machine_for_real() -> None:
    """This machine stands in for host and guests: nothing of ours is here, and nothing raises."""

    class Here(Answers):
        def runner(self, name: str) -> Runner:
            return lambda command: (
                subprocess.run(
                    ["sh", "-c", command], capture_output=True, text=True, check=True
                ).stdout
            )

    found = {f.id: f for f in verify(PLAN, Here({"h1": [], "web": [], "db": []}))}
    assert found["h1: hosts.h1.address"].status == "passed"
    assert found["h1: hosts.h1.files./etc/motd.content"].status == "failed"
    assert found["web: guests.web ssh"].status == "not checked"
    assert isinstance(WEB, InsideFact) and isinstance(H1, HostFacts)


def test_in_parallel_keeps_order_and_bound() -> None:
    lock, now, most = threading.Lock(), {"a": 0, "b": 0}, {"a": 0, "b": 0}
    three = {group: threading.Barrier(3, timeout=30) for group in "ab"}

    def job(name: str) -> str:
        group = name[0]
        with lock:
            now[group] += 1
            most[group] = max(most[group], now[group])
        three[group].wait()
        with lock:
            now[group] -= 1
        return name.upper()

    names = [f"{group}{number}" for number in range(6) for group in "ab"]
    jobs = {name: (lambda name=name: job(name)) for name in names}
    found = in_parallel(jobs, lambda name: name[0], 3)
    assert list(found.items()) == [(name, name.upper()) for name in names]
    assert most == {"a": 3, "b": 3}


def test_in_parallel_raises_what_a_job_raises() -> None:
    def fail() -> str:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        in_parallel({"a": fail}, str, 1)


def test_an_interrupt_ends_the_waiting_at_once() -> None:
    program = """
        import os, signal, threading, time
        from guesthouse.facts.parallel import in_parallel
        # A job in the background of a shell starts with the signal ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            in_parallel({"a": lambda: time.sleep(60)}, str, 1)
        except KeyboardInterrupt:
            print("stopped")
    """
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "stopped\n"
    assert time.monotonic() - start < 20
