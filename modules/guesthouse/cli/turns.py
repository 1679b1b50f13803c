"""Two runs on one stack: who holds its lock, and whose turn it is.

In files and buckets the engine keeps one lock per run, and looks for those of others before and
after it writes its own: https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go. So at
most one run goes on. But two that come in one moment see each other and both give up, or one fails
on a lock that went while it looked; so a lock counts when it is seen twice.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from guesthouse.cli.locks import is_dead_here
from guesthouse.errors import LockedError, Problem

T = TypeVar("T")

TRIES = 6
# Seconds between two tries, by chance: the span is many times what the engine takes to lock.
WAIT_S = (0.2, 2.0)

# The engine's errors begin so, and are the last that it says.
STARTS = ("the stack is currently locked by", "errors occurred:")
_HOLDER = re.compile(
    r"^\s+(?P<lock>\S.*/(?P<stack>[^/]+)/[^/]+?\.json\S*): "
    r"created by (?P<who>.+)@(?P<host>[^@]+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)$",
    re.MULTILINE,
)
# One of the locks that it listed was gone when it read them.
_WENT = re.compile(r"errors occurred:\n.*(?:/\.pulumi/locks/|GetObject).*\n\s+2\) NotFound$", re.M)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Holder:
    """A run that holds a stack's lock. ``lock`` is the address of the lock, of no other run."""

    lock: str
    stack: str
    who: str
    host: str
    pid: int
    since: datetime

    def problem(self, now: datetime) -> Problem:
        """What its rival is told."""
        what = (
            f"locked by {self.who}@{self.host} (pid {self.pid}) "
            f"since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {_ago(now, self.since)}"
        )
        if is_dead_here(self.host, self.pid):
            # Containers may share a host's name: that it is dead is for the user to say.
            what += "; this machine has no such process, it may be dead"
        command = f". ./env.sh && pulumi cancel -s {self.stack}"
        hint = f"wait for that run to end; only if it is dead: {command}"
        return Problem(f"stack {self.stack}", what, hint=hint)


class StackLocked(LockedError):
    """Nothing was done, others hold the lock. No ``holders``: one went while it was looked at."""

    def __init__(self, holders: tuple[Holder, ...], text: str) -> None:
        now = datetime.now(UTC)
        went = Problem("stack", "its locks came and went at every look", got=text.strip())
        super().__init__(*([holder.problem(now) for holder in holders] or [went]))
        self.holders = holders


def refuse_if_locked(text: str) -> None:
    """Raises StackLocked when ``text``, what the engine said, is about locks of others."""
    text = _COLOUR.sub("", text)
    if STARTS[0] in text or _WENT.search(text):
        raise StackLocked(tuple(_holder(found) for found in _HOLDER.finditer(text)), text)


def in_turn(attempt: Callable[[], T]) -> T:
    """What ``attempt`` gives; raises StackLocked when one lock was there at two tries."""
    seen: set[str] = set()
    for _ in range(TRIES - 1):
        try:
            return attempt()
        except StackLocked as error:
            locks = {holder.lock for holder in error.holders}
            if locks & seen:
                raise
            seen |= locks
        time.sleep(secrets.SystemRandom().uniform(*WAIT_S))
    return attempt()


def _holder(found: re.Match[str]) -> Holder:
    return Holder(
        lock=found["lock"],
        stack=found["stack"],
        who=found["who"],
        host=found["host"],
        pid=int(found["pid"]),
        since=datetime.fromisoformat(found["since"]),
    )


def _ago(now: datetime, then: datetime) -> str:
    """The largest unit that is not 0; a clock ahead of ours is now."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
