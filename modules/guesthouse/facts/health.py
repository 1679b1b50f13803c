"""Is a guest healthy, hung or crashed, and why: from libvirt's state and two heartbeats.

libvirt keeps the reason of each state as its events told it
(https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState). The kernel's heartbeat is the
balloon driver, which sends memory statistics every few seconds (``balloon.last-update``); the
system's is the guest agent, which answers a ping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from guesthouse.facts.virsh import number

# Several periods of the statistics: an emulated guest sends some of them late.
LATE_S = 120

_RUNNING, _BLOCKED, _PAUSED, _SHUT_OFF, _CRASHED = 1, 2, 3, 5, 6
_STOPPED = {
    (_CRASHED, 1): ("crashed", "its kernel panicked"),
    (_SHUT_OFF, 3): ("crashed", "its QEMU process ended by itself"),
    (_SHUT_OFF, 6): ("crashed", "it did not start"),
    (_PAUSED, 5): ("hung", "a disk of it does not take its writes: is the pool full?"),
    (_PAUSED, 6): ("hung", "its watchdog ran out"),
    (_PAUSED, 10): ("crashed", "its kernel panicked"),
    (_PAUSED, 13): ("hung", "its migration failed half-way"),
}
_STARTED_AFTER_CRASH = 9


def health(
    state: int, state_reason: int, agent: str, silence_s: int | None = None
) -> tuple[str, str]:
    """(``healthy``, ``hung``, ``crashed``, ``unknown`` or "" for one that is off, why).

    ``state`` and ``state_reason`` are libvirt's numbers; ``agent`` is ``answers``, ``silent`` (it
    is connected and does not answer), ``none`` (not connected) or "" (not asked); ``silence_s`` is
    how long ago the kernel sent statistics, None when it never did.
    """
    if state == _CRASHED:
        return _STOPPED.get((state, state_reason), ("crashed", "libvirt does not know why"))
    if state not in (_RUNNING, _BLOCKED):
        return _STOPPED.get((state, state_reason), ("", ""))
    again = ", started again after a crash" if state_reason == _STARTED_AFTER_CRASH else ""
    beats = silence_s is not None and silence_s <= LATE_S
    if agent == "answers":
        return "healthy", f"its agent answers{again}"
    if agent == "silent":
        kernel = "its kernel does" if beats else "nor does its kernel"
        return "hung", f"its agent does not answer, {kernel}{again}"
    if not agent:
        return "", ""
    if beats:
        return "healthy", f"its kernel answers, no agent{again}"
    if silence_s is None:
        return "unknown", f"neither agent nor kernel was heard yet{again}"
    return "hung", f"its kernel was last heard {silence_s} s ago, no agent{again}"


def heard(text: str) -> Callable[[str, Mapping[str, str]], tuple[str, str]]:
    """What ``agents`` printed -> a guest's health and why, from its name and its domstats."""
    agents = {name: word for word, name in re.findall(r"(?m)^agent (\w+) (.*)$", text)}
    clock = int((re.findall(r"(?m)^clock (\d+)$", text) or [0])[0])

    def healthy(name: str, values: Mapping[str, str]) -> tuple[str, str]:
        beat = number(values.get("balloon.last-update", "0"))
        state, reason = (number(values.get(f"state.{key}", "0")) for key in ("state", "reason"))
        silence = max(clock - beat, 0) if beat and clock else None
        return health(state, reason, agents.get(name, ""), silence)

    return healthy
