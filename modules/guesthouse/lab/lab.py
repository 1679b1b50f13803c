"""The lab of a checkout: up, down, status, endpoints.

``up`` is idempotent: what runs stays, a dead host starts again from its own disk. Everything
that a failed or interrupted ``up`` started is ended by it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import boot, container, emulated, images, needs, new, relay, state, trunk
from guesthouse.lab.host import CONTAINER, WHOLE, LabHost, Link, Wanted
from guesthouse.lab.images import Say
from guesthouse.lab.state import Folder, HostStatus, LabState, Record
from guesthouse.machine.ssh import Endpoint


def up(
    root: Path,
    wanted: Sequence[Wanted],
    guests: Sequence[str],
    say: Say,
    one_segment: bool | None = None,
) -> LabState:
    """Builds what is not cached, starts what does not run, waits until libvirt answers.

    ``wanted`` are the hosts; ``guests`` the images of guests (images.GUESTS). Without
    ``one_segment`` a lab keeps what it has, and a new one has two.
    """
    folder = Folder(root.resolve())
    folder.lab.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder):
        record = state.load(folder)
        there = record is not None and any(host.kind == CONTAINER for host in record.hosts)
        wanted = needs.possible(wanted, say, there)
        needs.require_images((images.HOST, *guests))
        if record:
            check_same(record, wanted, one_segment)
        if record and complete(folder, record, guests):
            trunk.join(folder, record)
            return seen(folder, record)
        with ThreadPoolExecutor(len(images.GUESTS)) as pool:
            if record is None:
                # First: the hosts boot while the guests' images are made.
                record = new.record(folder, wanted, say, bool(one_segment))
            else:
                check_cached(record)
            futures = [pool.submit(images.image, name, say) for name in guests]
            with ended_on_failure(folder, say) as started:
                start_missing(folder, record, started, say)
                record = replace(record, images=tuple(future.result() for future in futures))
                publish(folder, record)
                boot.wait_ready(folder, record, started, say)
        return seen(folder, record)


def down(root: Path, say: Say) -> bool:
    """Ends the hosts and removes everything of the lab; False when there was nothing."""
    folder = Folder(root.resolve())
    if not (folder.lab.exists() or folder.local_site.exists()):
        return False
    with locked(folder):
        for pidfile in sorted(folder.lab.glob("*.pid")):
            emulated.end(pidfile, say)
        relay.end_all(folder.lab)
        container.clear(folder)
        if folder.lab.exists():
            shutil.rmtree(folder.lab)
        folder.local_site.unlink(missing_ok=True)
    for parent in (folder.local_site.parent, folder.lab.parent):
        if parent.exists() and not any(parent.iterdir()):
            parent.rmdir()
    return True


def power(root: Path, name: str, on: bool, say: Say) -> None:
    """Cuts a host's power, or gives it back and waits until its libvirt answers."""
    with _one(root, name) as (folder, record, host):
        if not on:
            boot.stop(folder, host, say)
        elif not boot.pid(folder, host):
            check_cached(record)
            with ended_on_failure(folder, say) as started:
                started.append(host)
                boot.start(folder, host, record, say)
                boot.wait_ready(folder, replace(record, hosts=(host,)), started, say)


def link(root: Path, name: str, wanted: Link) -> None:
    """Cuts the wire of a host's trunk, slows it, or mends it. A host that starts again has it
    whole."""
    with _one(root, name) as (folder, _, host):
        if not boot.pid(folder, host):
            hint = f"run: guesthouse lab power {name} on"
            raise LabError(Problem(f"host {name}", "has no power", hint=hint))
        boot.link(folder, host, wanted)


@contextmanager
def _one(root: Path, name: str) -> Iterator[tuple[Folder, Record, LabHost]]:
    """The host of that name, as the lab has it, with the lab locked."""
    folder = Folder(root.resolve())
    # Where nothing is, nothing is to be locked.
    if not folder.state.exists():
        raise not_there()
    with locked(folder):
        record = state.load(folder)
        if record is None:
            raise not_there()
        host = next((host for host in record.hosts if host.name == name), None)
        if host is None:
            allowed = ", ".join(host.name for host in record.hosts)
            raise LabError(Problem("lab", "has no such host", got=name, allowed=allowed))
        yield folder, record, host


def not_there() -> LabError:
    return LabError(Problem("lab", "is not there", hint="run: guesthouse lab up"))


def status(root: Path) -> LabState | None:
    """The lab as it is now, without waiting for anything; None when there is none."""
    folder = Folder(root.resolve())
    record = state.load(folder)
    return seen(folder, record) if record else None


def endpoints(root: Path) -> tuple[Endpoint, ...]:
    """How the lab's hosts are reached over ssh; empty when there is no lab."""
    folder = Folder(root.resolve())
    record = state.load(folder)
    return tuple(state.endpoint(folder, host) for host in record.hosts) if record else ()


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """One ``up`` or ``down`` at a time; a lock on ``.guesthouse`` itself leaves nothing."""
    descriptor = os.open(folder.lab.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def check_same(record: Record, wanted: Sequence[Wanted], one_segment: bool | None) -> None:
    """A lab is what it was made as: its hosts' disks and wires belong together."""
    hint = "run `guesthouse lab down`, then `guesthouse lab up` for a new one"
    has = _told(Wanted(host.name, host.kind, host.segments) for host in record.hosts)
    if has != _told(wanted):
        what = "was made with other hosts"
        raise LabError(Problem("lab", what, got=has, allowed=_told(wanted), hint=hint))
    if one_segment is not None and one_segment != record.one_segment:
        words = {True: "its two wires on one segment", False: "two separate wires"}
        what = f"has {words[record.one_segment]}, and keeps them so"
        raise LabError(Problem("lab", what, hint=hint))


def complete(folder: Folder, record: Record, guests: Sequence[str]) -> bool:
    """Whether nothing is left to do: hosts answer, today's guest images are cached and named."""
    wanted = [images.cached(name) for name in guests]
    if list(record.images) != wanted or not folder.local_site.exists():
        return False
    return all(boot.answer(folder, record.hosts))


def check_cached(record: Record) -> None:
    """What a lab's hosts start from is as it was built; LabError where it is not."""
    images.check(Path(record.host_image))
    # The system's own QEMU has no folder.
    if "/" in record.qemu:
        images.check(Path(record.qemu).parent)


def _told(wanted: Iterable[Wanted]) -> str:
    return ", ".join(
        " ".join((host.name, f"({host.kind})", *host.segments))
        for host in sorted(wanted, key=lambda host: host.name)
    )


def start_missing(folder: Folder, record: Record, started: list[LabHost], say: Say) -> None:
    """Starts every host that does not run, noting it in ``started`` first."""
    for host in record.hosts:
        if not boot.pid(folder, host):
            started.append(host)
            boot.start(folder, host, record, say)
    trunk.join(folder, record)


@contextmanager
def ended_on_failure(folder: Folder, say: Say) -> Iterator[list[LabHost]]:
    """Ends the hosts put into its list when the block fails or is interrupted; logs stay."""
    started: list[LabHost] = []
    try:
        yield started
    except BaseException:
        for host in started:
            boot.stop(folder, host, say)
        raise


def publish(folder: Folder, record: Record) -> None:
    """Writes lab.json and the site file's local part."""
    state.save(folder.state, record.text())
    state.save(folder.local_site, state.local_site_text(folder, record))


def seen(folder: Folder, record: Record) -> LabState:
    """The record, with what the process table says now."""
    hosts = []
    for host in record.hosts:
        pid = boot.pid(folder, host)
        hosts.append(HostStatus(host, pid, boot.seen_link(folder, host) if pid else WHOLE))
    return LabState(
        accelerator=record.accelerator,
        hosts=tuple(hosts),
        images=record.images,
        one_segment=record.one_segment,
    )
