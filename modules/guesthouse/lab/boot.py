"""Starting, awaiting and ending lab hosts of both kinds, which are the same from outside."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from guesthouse.errors import LabError, Problem
from guesthouse.lab import container, emulated, relay, serial, state
from guesthouse.lab.host import CONTAINER, CUT, EMULATED, WHOLE, LabHost, Link
from guesthouse.lab.images import Say
from guesthouse.lab.state import Folder, Record

# About a minute for two on 2 idle cores under emulation; busy cores take several times that. A
# container takes two seconds.
BOOT_TIMEOUT_S = {CONTAINER: 120, EMULATED: 600}
# libvirt answers: the host is of use.
READY = "virsh -c qemu:///system version"
# Not by what it was told: emulation on several threads loses a race once in hundreds of boots
# (QEMU 10.0, iotlb_to_section in system/physmem.c).
CRASH = re.compile(r"^.*Assertion .* failed.*$", re.MULTILINE)
CRASHES_AT_MOST = 2


class Kind(Protocol):
    """What a kind of host can do. ``stop`` cuts the power: what the host wrote stays."""

    def start(self, folder: Folder, host: LabHost, record: Record, say: Say, /) -> None: ...
    def stop(self, folder: Folder, host: LabHost, say: Say, /) -> None: ...
    def pid(self, folder: Folder, host: LabHost, /) -> int: ...
    def link(self, folder: Folder, host: LabHost, state: Link, /) -> None: ...


KINDS: Mapping[str, Kind] = {CONTAINER: container, EMULATED: emulated}
NOUNS = {CONTAINER: "the container", EMULATED: "QEMU"}


def start(folder: Folder, host: LabHost, record: Record, say: Say) -> None:
    """Starts a host that does not run, on its disk if it has one; its link is whole."""
    _forget_link(folder, host)
    KINDS[host.kind].start(folder, host, record, say)


def stop(folder: Folder, host: LabHost, say: Say) -> None:
    """Cuts the host's power, if it runs."""
    KINDS[host.kind].stop(folder, host, say)
    _forget_link(folder, host)


def pid(folder: Folder, host: LabHost) -> int:
    """The process that is the host; 0 when it does not run."""
    return KINDS[host.kind].pid(folder, host)


def link(folder: Folder, host: LabHost, wanted: Link) -> None:
    """Slows the wire of a running host's trunk, mends it, or cuts it: its NIC loses its carrier."""
    KINDS[host.kind].link(folder, host, wanted)
    state.save_link(folder, host, wanted)


def seen_link(folder: Folder, host: LabHost) -> Link:
    """What the trunk of a running host is like now: without the process that passes its frames, a
    slow one is none."""
    noted = state.load_link(folder, host)
    return noted if not noted.slow or relay.runs(folder.lab, host.name) else CUT


def _forget_link(folder: Folder, host: LabHost) -> None:
    relay.end(folder.lab, host.name)
    state.save_link(folder, host, WHOLE)


def answers(folder: Folder, host: LabHost, timeout_s: float = 60) -> bool:
    """Whether the host's libvirt answers over ssh now."""
    argv = ["ssh", "-F", str(folder.ssh_config), "--", host.name, READY]
    try:
        result = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


def answer(folder: Folder, hosts: Sequence[LabHost]) -> list[bool]:
    """``answers`` of every host, asked side by side."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(lambda host: answers(folder, host), hosts))


def wait_ready(folder: Folder, record: Record, started: Sequence[LabHost], say: Say) -> None:
    """Waits until all answer; a QEMU's death or the deadline is an error with the log's tail.

    Of the ``started`` ones, a QEMU that failed an assertion of its own is started again.
    """
    begin = time.monotonic()
    waiting = list(record.hosts)
    crashes: Counter[LabHost] = Counter()
    while waiting:
        up = dict(zip(waiting, answer(folder, waiting), strict=True))
        passed = time.monotonic() - begin
        for host in waiting:
            if up[host]:
                say(f"host {host.name}: up after {passed:.0f} s")
                continue
            runs = pid(folder, host) != 0
            words = "" if runs or host not in started else crash(folder, host)
            if words and crashes[host] < CRASHES_AT_MOST:
                crashes[host] += 1
                say(f"host {host.name}: QEMU crashed: {words}")
                start(folder, host, record, say)
            else:
                check(folder, host, runs, passed)
        waiting = [host for host in waiting if not up[host]]
        if waiting:
            time.sleep(1)


def crash(folder: Folder, host: LabHost) -> str:
    """What a QEMU that ended said of its own failed assertion; empty when it ended otherwise."""
    if host.kind != EMULATED:
        return ""
    found = CRASH.search((folder.lab / host.qemu_log).read_text(errors="replace"))
    return found.group() if found else ""


def check(folder: Folder, host: LabHost, runs: bool, passed: float) -> None:
    """Raises when there is nothing more to wait for after ``passed`` seconds."""
    if not runs:
        raise failure(folder, host, f"{NOUNS[host.kind]} ended after {passed:.0f} s")
    if passed > BOOT_TIMEOUT_S[host.kind]:
        raise failure(folder, host, f"libvirt does not answer after {passed:.0f} s")


def failure(folder: Folder, host: LabHost, what: str) -> LabError:
    """What QEMU said, and the last lines of the serial log."""
    log = folder.lab / host.qemu_log
    words = log.read_text(errors="replace").strip()[-1000:] if log.exists() else ""
    path = folder.lab / host.serial_log
    got = f"{words}\n--- {path}\n{serial.tail(path)}".strip()
    hint = "the whole log is in that file; `guesthouse lab down` clears the lab"
    return LabError(Problem(f"host {host.name}", what, got=got, hint=hint))
