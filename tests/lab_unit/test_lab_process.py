"""Processes, ports and QMP, on real processes of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guesthouse.lab import ports, process, qmp
from guesthouse.lab.process import Process

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def started(folder: Path, argv: list[str] = SLEEP) -> Process:
    return process.start(argv, folder, folder / "log", folder / "p.pid")


def test_a_started_process_is_known_by_its_pidfile_until_it_ends(tmp_path: Path) -> None:
    running = started(tmp_path)
    assert process.read(tmp_path / "p.pid") == running
    process.end(running)
    assert not running.alive()
    assert process.read(tmp_path / "p.pid") is None


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)"
    running = started(tmp_path, [sys.executable, "-c", f"{stubborn}; time.sleep(60)"])
    while not (tmp_path / "log").read_bytes():
        time.sleep(0.02)
    process.end(running, grace_s=0.3)
    assert process.wait_gone(running, 20)


def test_a_reused_pid_is_never_touched(tmp_path: Path) -> None:
    """The pid file of another life of this pid: same number, other start or other boot."""
    bystander = subprocess.Popen(SLEEP)
    try:
        ticks = process.start_ticks(bystander.pid)
        assert ticks is not None
        for stale in (
            Process(bystander.pid, ticks - 1, process.boot_id()),
            Process(bystander.pid, ticks, "an earlier boot"),
        ):
            (tmp_path / "p.pid").write_text(stale.text())
            assert process.read(tmp_path / "p.pid") is None
            process.end(stale)
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    running = started(tmp_path, ["true"])
    assert process.wait_gone(running, 5)


def test_a_process_whose_first_thread_alone_has_ended_is_alive(tmp_path: Path) -> None:
    """Like a QEMU on its way out: what it holds is not free yet."""
    leaves = (
        "import ctypes, os, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "call = {'x86_64': 60, 'aarch64': 93}[os.uname().machine]\n"
        "ctypes.CDLL(None).syscall(call, 0)"
    )
    running = started(tmp_path, [sys.executable, "-c", leaves])
    stat = Path(f"/proc/{running.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert running.alive()
        time.sleep(0.02)
    assert running.alive()
    process.end(running)
    assert not running.alive()


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("7 (a) b) (c) S 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 9 9", 4242),
        ("7 (cat) Z 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 9 9", None),
        ("", None),
    ],
)
def test_the_start_time_is_field_22_of_stat(stat: str, expected: int | None) -> None:
    assert process.parse_start_ticks(stat) == expected


@pytest.mark.parametrize("text", ["", "12", "x y z", "-1 5 boot", "1 2 boot extra"])
def test_a_broken_pidfile_names_nobody(text: str) -> None:
    assert process.parse(text) is None


def test_free_ports_are_different_and_free() -> None:
    found = ports.free_ports(5)
    assert len(set(found)) == 5
    assert all(ports.is_free(port) for port in found)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        assert not ports.is_free(listener.getsockname()[1])


def test_qmp_reaches_a_socket_under_a_long_path(tmp_path: Path) -> None:
    """A socket's own path may have 107 bytes; a checkout's may have more."""
    folder = tmp_path / ("deep-" * 30)
    folder.mkdir()
    argv = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none"]
    argv += ["-qmp", "unix:q.qmp,server=on,wait=off"]
    running = process.start(argv, folder, folder / "log", folder / "q.pid")
    try:
        deadline = time.monotonic() + 30
        while not (folder / "q.qmp").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.1)
        assert qmp.command(folder / "q.qmp", "query-status", 20)["status"] == "running"
        qmp.command(folder / "q.qmp", "quit", 20)
        assert process.wait_gone(running, 20)
    finally:
        process.end(running)


def test_qmp_without_a_listener_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        qmp.command(tmp_path / "q.qmp", "quit")
