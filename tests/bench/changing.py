"""Live changes of a running guest, against the virsh commands that do the same; on the lab.

Ours is the Guest's update as the engine calls it: it looks at the guest, plans, changes the running
and the stored definition, and reads both back. The peer's commands go over a shared ssh connection
too, and read nothing back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.rows import Row, in_turn, wall_s
from effects import edits
from effects.guest import RowsGuest, lab_project, rows_guest
from guesthouse.lab import lab as lab_
from guesthouse.machine.ssh import SshDirectory

AGAINST = "bare virsh"
Edit = Callable[[Any, dict[str, Any]], None]


def _iops(value: str) -> Edit:
    return edits.put_in("devices/disk[serial='data']", "iotune/total_iops_sec", value)


# The edits that are done in turn, each with virsh's value for it, and virsh's command.
CHANGES: dict[str, tuple[tuple[tuple[Edit, str], ...], str]] = {
    "memory, by its balloon": (
        ((edits.memory(224), "224M"), (edits.memory(240), "240M")),
        "setmem rows {value} --live --config",
    ),
    # Ours comes back when the guest has given or got it; here virsh waits for that too.
    "memory, until it is so": (
        ((edits.memory(224), "224"), (edits.memory(240), "240")),
        "setmem rows {value}M --live --config && until virsh -c qemu:///system dommemstat rows"
        ' | grep -q "actual $(({value} * 1024))$"; do sleep 0.05; done',
    ),
    "vCPUs": (
        ((edits.put("vcpu@current", "2"), "2"), (edits.put("vcpu@current", "1"), "1")),
        "setvcpus rows {value} --live --config",
    ),
    "CPU weight": (
        ((edits.put("cputune/shares", "300"), "300"), (edits.put("cputune/shares", "200"), "200")),
        "schedinfo rows --set cpu_shares={value} --live --config",
    ),
    "disk limit": (
        ((_iops("400"), "400"), (_iops("300"), "300")),
        "blkdeviotune rows vdb --total-iops-sec {value} --live --config",
    ),
    "description": (
        ((edits.put("description", "one"), "one"), (edits.put("description", "two"), "two")),
        "desc rows {value} --live --config",
    ),
}


def not_measured(why: str) -> list[Row]:
    """The rows without figures."""
    return [Row(f"live change: {name}", AGAINST, 2, missing=why) for name in CHANGES]


def rows(root: Path, quick: bool) -> list[Row]:
    """Wall time of each kind of change, there and back, by turns; on the lab of ``root``."""
    status = lab_.status(root)
    if status is None or not status.running:
        return not_measured("guesthouse lab up")
    ssh = SshDirectory(lab_.endpoints(root))
    with rows_guest(lab_project(root)) as guest:
        guest.told()
        return [_row(guest, ssh, name, 2 if quick else 3) for name in CHANGES]


def _row(guest: RowsGuest, ssh: SshDirectory, name: str, rounds: int) -> Row:
    turns, command = CHANGES[name]

    def ours() -> None:
        for edit, _ in turns:
            guest.update(guest.wanted(edit), [])

    def peer() -> None:
        for _, value in turns:
            argv = command.format(value=value)
            ssh.run("p1", "sh", "-c", f"virsh -q -c qemu:///system {argv}")

    # The first turn of each opens connections, and ends at the same values.
    ours()
    peer()
    took, virsh_took = (seconds / len(turns) for seconds in in_turn(rounds, *_clocks(ours, peer)))
    return Row(f"live change: {name}", AGAINST, 2, False, took, virsh_took)


def _clocks(*works: Callable[[], object]) -> list[Callable[[], float]]:
    return [functools.partial(wall_s, work) for work in works]
