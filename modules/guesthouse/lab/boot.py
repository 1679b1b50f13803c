"""Starting, awaiting and ending lab hosts: the process, its disk, its serial log."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import process, qmp, serial
from guesthouse.lab.host import DISK_GIB, LabHost, command
from guesthouse.lab.images import NEW_LAB, Say
from guesthouse.lab.ports import LOOPBACK, is_free
from guesthouse.lab.process import Process
from guesthouse.lab.state import Folder, Record
from guesthouse.lab.tools import run

# About a minute for two on 2 idle cores under emulation; busy cores take several times that.
BOOT_TIMEOUT_S = 600
# libvirt answers: the host is of use.
READY = "virsh -c qemu:///system version"
QUIT_TIMEOUT_S = 10
# Not by what it was told: emulation on several threads loses a race once in hundreds of boots
# (QEMU 10.0, iotlb_to_section in system/physmem.c).
CRASH = re.compile(r"^.*Assertion .* failed.*$", re.MULTILINE)
CRASHES_AT_MOST = 2


def start(folder: Folder, host: LabHost, record: Record, say: Say) -> Process:
    """Starts the host's QEMU on its disk, made as an overlay of the host image the first time."""
    image = Path(record.host_image)
    if not image.exists():
        hint = f"run {NEW_LAB}"
        raise LabError(Problem(f"host {host.name}", f"its image {image} is gone", hint=hint))
    if not is_free(host.ssh_port):
        what = f"port {host.ssh_port} on {LOOPBACK} is taken by another program"
        hint = "end that program, or `guesthouse lab down` for a lab with new ports"
        raise LabError(Problem(f"host {host.name}", what, hint=hint))
    disk = folder.lab / host.disk
    again = disk.exists()
    if not again:
        base = image / "host.qcow2"
        options = ["-f", "qcow2", "-F", "qcow2", "-b", str(base)]
        run("qemu-img", "create", "-q", *options, disk, f"{DISK_GIB}G")
    how = "starting again from its disk" if again else "starting"
    say(f"host {host.name}: {how} ({record.accelerator})")
    kernel = (image / "vmlinuz", image / "initrd")
    argv = command(host, record.qemu, record.accelerator, *kernel, record.one_segment)
    if not shutil.which(argv[0]):
        # One that was built here goes with the cache; a new lab builds it again.
        hint = f"run `make setup`; if that does not help, {NEW_LAB}"
        raise LabError(Problem(argv[0], "is not there", hint=hint))
    log = folder.lab / host.qemu_log
    return process.start(argv, folder.lab, log, folder.lab / host.pidfile)


def answers(folder: Folder, host: LabHost, timeout_s: float = 15) -> bool:
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
            runs = is_running(folder, host)
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


def is_running(folder: Folder, host: LabHost) -> bool:
    """Whether the host's QEMU runs."""
    running = process.read(folder.lab / host.pidfile)
    if running:
        process.reap(running)
    return running is not None


def crash(folder: Folder, host: LabHost) -> str:
    """What a QEMU that ended said of its own failed assertion; empty when it ended otherwise."""
    found = CRASH.search((folder.lab / host.qemu_log).read_text(errors="replace"))
    return found.group() if found else ""


def check(folder: Folder, host: LabHost, runs: bool, passed: float) -> None:
    """Raises when there is nothing more to wait for after ``passed`` seconds."""
    if not runs:
        raise failure(folder, host, f"QEMU ended after {passed:.0f} s")
    if passed > BOOT_TIMEOUT_S:
        raise failure(folder, host, f"libvirt does not answer after {passed:.0f} s")


def failure(folder: Folder, host: LabHost, what: str) -> LabError:
    """What QEMU said, and the last lines of the serial log."""
    log = folder.lab / host.qemu_log
    words = log.read_text(errors="replace").strip()[-1000:] if log.exists() else ""
    path = folder.lab / host.serial_log
    got = f"{words}\n--- {path}\n{serial.tail(path)}".strip()
    hint = "the whole log is in that file; `guesthouse lab down` clears the lab"
    return LabError(Problem(f"host {host.name}", what, got=got, hint=hint))


def stop(pidfile: Path, say: Say) -> None:
    """Ends the QEMU that the pid file names, if it is still that one; its disk stays whole.

    The guest is not asked to shut down: its disk is about to be removed, or it failed to boot.
    """
    running = process.read(pidfile)
    if running:
        say(f"host {pidfile.stem}: stopping")
        try:
            qmp.command(pidfile.with_suffix(".qmp"), "quit")
            process.wait_gone(running, QUIT_TIMEOUT_S)
        except OSError:
            pass  # It does not listen: a signal will do.
        process.end(running)
    pidfile.unlink(missing_ok=True)
