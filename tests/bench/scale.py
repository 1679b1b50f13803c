"""The first preview of a site of 5,000 guests on 30 hosts: time, and memory of each process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.previewing import Ours
from bench.rows import Figure
from bench.sites import HOSTS

COUNT = 5000
SAMPLE_S = 0.5
# What stands in a process's command line, and what it is called here. The last match wins.
PROCESSES = {
    "pulumi preview": "engine",
    "pulumi-language-python-exec": "program",
    "pulumi-resource-guesthouse": "provider",
}


def preview(project: Ours) -> tuple[float, Mapping[str, int]]:
    """(seconds, peak memory in MiB by process) of one preview."""
    peaks: dict[str, int] = {}
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(project.root, ended, peaks))
    watcher.start()
    start = time.perf_counter()
    try:
        project.pulumi("preview")
    finally:
        ended.set()
        watcher.join()
    return time.perf_counter() - start, peaks


def _watch(folder: Path, ended: threading.Event, peaks: dict[str, int]) -> None:
    """Note the peaks (proc_pid_status(5), VmHWM) of the processes that work in ``folder``."""
    while not ended.wait(SAMPLE_S):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if not (process / "cwd").readlink().is_relative_to(folder):
                    continue
                command = (process / "cmdline").read_text().replace("\0", " ")
                status = (process / "status").read_text()
            except OSError:
                continue
            for word, name in PROCESSES.items():
                if word in command and "VmHWM:" in status:
                    mib = int(status.split("VmHWM:")[1].split()[0]) // 1024
                    peaks[name] = max(mib, peaks.get(name, 0))


def rows(quick: bool) -> list[Figure]:
    """Two figures, without a peer."""
    count = COUNT // 10 if quick else COUNT
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        project = Ours(Path(folder) / "project")
        project.set_count(count, HOSTS)
        try:
            seconds, peaks = preview(project)
        except AssertionError as error:
            return [Figure(f"preview of {count:,} new guests", f"FAILED\n{str(error)[-2000:]}")]
    memory = ", ".join(f"{name} {mib:,} MiB" for name, mib in peaks.items())
    return [Figure(f"preview of {count:,} new guests", f"{seconds:.0f} s; peak memory: {memory}")]
