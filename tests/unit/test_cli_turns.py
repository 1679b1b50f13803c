"""Whose turn it is on a stack: the engine's words about locks, real and recorded."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guesthouse.cli import turns
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
from guesthouse.cli.turns import Holder, StackLocked, in_turn, refuse_if_locked
from scratch import scratch_project

LOCK = "s3://team/states/.pulumi/locks/organization/guesthouse/mine/{}.json?region=eu-central-1"
# What the engine said, with the colours of a terminal.
LOCKED = (
    "\x1b[38;5;1merror: \x1b[0m\x1b[0mthe stack is currently locked by 2 lock(s). Either wait for "
    "the other process(es) to end or delete the lock file with `pulumi cancel`.\n"
    f"  {LOCK.format('a')}: created by ann@runner-7 (pid 4242) at 2026-11-27T07:00:00+01:00\n"
    f"  {LOCK.format('b')}: created by CORP\\bo b@box.example (pid 7) at "
    "2026-11-27T06:00:01Z\x1b[0m\n"
)
# A lock went between the engine's list and its look.
WENT = (
    "error: 2 errors occurred:\n    1) operation error S3: GetObject, https response error "
    "StatusCode: 404, RequestID: 9CVX, HostID: r7IH=, NoSuchKey: The specified key does not "
    "exist.\n"
    "    2) NotFound\n"
)


def holder(lock: str, **other: object) -> Holder:
    values = {
        "stack": "mine",
        "who": "ann",
        "host": "runner-7",
        "pid": 4242,
        "since": datetime(2026, 11, 27, 6, tzinfo=UTC),
    }
    return Holder(lock, **{**values, **other})  # type: ignore[arg-type]


def locked_by(*locks: str) -> StackLocked:
    return StackLocked(tuple(holder(lock) for lock in locks), "")


def test_the_engines_words_name_who_holds_the_lock() -> None:
    with pytest.raises(StackLocked) as caught:
        refuse_if_locked(LOCKED)
    one, two = caught.value.holders
    assert one == holder(LOCK.format("a"))
    since = datetime(2026, 11, 27, 6, 0, 1, tzinfo=UTC)
    assert two == holder(LOCK.format("b"), who="CORP\\bo b", host="box.example", pid=7, since=since)
    assert caught.value.exit_code == 8


def test_a_lock_that_went_names_nobody() -> None:
    with pytest.raises(StackLocked) as caught:
        refuse_if_locked(WENT)
    assert caught.value.holders == ()
    assert str(caught.value) == (
        f"stack: its locks came and went at every look, got {WENT.strip()}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: update failed\n",
        "error: 2 errors occurred:\n    1) something\n    2) something else\n",
        WENT.replace("    2) NotFound\n", "    2) AccessDenied\n"),
    ],
)
def test_other_words_are_not_about_locks(text: str) -> None:
    refuse_if_locked(text)


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(seconds=-30), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=125), "2 h ago"),
        (timedelta(days=3), "3 d ago"),
    ],
)
def test_a_rival_is_told_who_and_since_when(ago: timedelta, told: str) -> None:
    one = holder("a")
    assert str(one.problem(one.since + ago)) == (
        f"stack mine: locked by ann@runner-7 (pid 4242) since 2026-11-27 06:00:00 UTC, {told}\n"
        "  hint: wait for that run to end; only if it is dead: "
        ". ./env.sh && pulumi cancel -s mine"
    )


def test_a_process_that_is_not_here_may_be_dead() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = socket.gethostname()
    dead = "; this machine has no such process, it may be dead\n"
    assert dead in str(holder("a", host=here, pid=gone.pid).problem(datetime.now(UTC)))
    assert dead not in str(holder("a", host=here, pid=os.getpid()).problem(datetime.now(UTC)))


def script(*answers: StackLocked | int) -> Callable[[], int]:
    """Attempts that end so, one after the other."""
    left = iter(answers)

    def attempt() -> int:
        answer = next(left)
        if isinstance(answer, StackLocked):
            raise answer
        return answer

    return attempt


def test_a_lock_counts_when_it_is_seen_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_S", (0, 0))
    assert in_turn(script(0)) == 0
    assert in_turn(script(locked_by("a"), locked_by("b"), locked_by(), locked_by(), 0)) == 0
    stays = locked_by("b", "c")
    with pytest.raises(StackLocked) as caught:
        in_turn(script(locked_by("a"), locked_by("c"), stays))
    assert caught.value is stays
    many = [locked_by(str(number)) for number in range(turns.TRIES + 1)]
    with pytest.raises(StackLocked) as caught:
        in_turn(script(*many))
    assert caught.value is many[turns.TRIES - 1], "it does not try for ever"


def test_a_lock_that_goes_while_the_engine_looks_is_no_failure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(Project(scratch_project(tmp_path / "project", "")))
    engine.ensure_stack("one")
    locks = engine.project.state / ".pulumi/locks/organization/guesthouse/one"
    locks.mkdir(parents=True, exist_ok=True)
    # To the engine: a file that it finds in the folder and that is not there.
    gone = locks / "11111111-2222-4333-8444-555555555555.json"
    gone.symlink_to("nothing")

    def attempt() -> int:
        try:
            return engine.run("up", "-s", "one", "--yes", "--skip-preview")
        finally:
            gone.unlink(missing_ok=True)

    assert in_turn(attempt) == 0
    assert capfd.readouterr().err == ""


def test_what_the_engine_says_else_is_passed_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(Project(scratch_project(tmp_path / "project", "")))
    code = "import sys; sys.stderr.write('one\\nerror: 2 errors occurred:\\n  two\\n'); sys.exit(3)"
    engine.program = sys.executable
    assert engine.run("-c", code) == 1
    assert capfd.readouterr().err == "one\nerror: 2 errors occurred:\n  two\n"


def test_a_stack_is_made_once_by_many(tmp_path: Path) -> None:
    engine = Engine(Project(scratch_project(tmp_path / "project", "")))
    # The engine writes a new backend's own files at its first look, not for several at once.
    assert not engine.knows("one")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(engine.ensure_stack, ["one"] * 4))
    assert engine.knows("one")
