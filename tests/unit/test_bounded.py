"""What a machine says is bounded on every way to it; ssh is a program here that says a lot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guesthouse.machine import bounded

HINT = "look at the machine: nothing of that answer is used"
BEGIN = """
import sys
from pathlib import Path
from guesthouse.errors import MachineError
from guesthouse.machine.connections import Connections
from guesthouse.machine.session import Session
from guesthouse.machine.shell import ssh_runner, testinfra_host, testinfra_runner
from guesthouse.machine.ssh import Endpoint, SshDirectory

folder = Path(sys.argv[1])
ssh = SshDirectory([Endpoint("h1", "192.0.2.1"), Endpoint("web", "10.7.0.2", via="h1")], folder)
connection = {"name": "h1", "address": "192.0.2.1", "port": 22, "user": "root",
              "identity_file": "", "host_keys": [], "boots_at_once": 1}
try:
"""
END = """
    print("enough")
except MachineError as error:
    print(error)
# Of this program alone: getrusage(2) counts what forked it too.
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(int(peak) // 1024, file=sys.stderr)
"""
# Way -> (program, who says too much, the bound in MiB).
WAYS = {
    "ssh": ("ssh.run('h1', 'true')", "host h1", 16),
    "runner": ("ssh_runner(ssh, 'h1')('true')", "host h1", 16),
    "check of a host": ("testinfra_runner(testinfra_host(ssh, 'h1'), 'h1')('true')", "h1", 16),
    "check of a guest": ("testinfra_runner(testinfra_host(ssh, 'web'), 'web')('true')", "web", 2),
    "root": ("Connections().get(connection).root('true')", "host h1", 16),
    "lock": ("with Connections().get(connection).lock('x'): pass", "host h1", 16),
    "session": ("with Session(ssh, 'web', 'true') as s: s.wait_for('end', 60)", "web", 1),
}


def told(way: str, tmp_path: Path, script: str) -> tuple[str, int]:
    """What the way's program prints, and its memory at most, in MiB."""
    (tmp_path / "ssh").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "ssh").chmod(0o755)
    program = f"{BEGIN}    {WAYS[way][0]}{END}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "files")],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip(), int(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("stream", ["", " >&2"])
@pytest.mark.parametrize("way", WAYS)
def test_who_says_too_much_is_ended(way: str, stream: str, tmp_path: Path) -> None:
    said, peak_mib = told(way, tmp_path, f"head -c 400M /dev/zero{stream}")
    _, who, limit_mib = WAYS[way]
    assert said == f"{who}: said more than {limit_mib} MiB\n  hint: {HINT}"
    assert peak_mib < 300


@pytest.mark.parametrize("way", WAYS)
def test_who_says_much_is_heard(way: str, tmp_path: Path) -> None:
    first = "echo held; cat >/dev/null; " if way == "lock" else ""
    said, _ = told(way, tmp_path, f"{first}head -c 900K /dev/zero; echo; echo end")
    assert said == "enough"


@pytest.mark.parametrize("input", [b"", b"x", b"x" * 3_000_000])
def test_input_goes_in_while_output_comes_out(input: bytes) -> None:
    done = bounded.run(["sh", "-c", "cat; echo so >&2; exit 3"], "here", input=input)
    assert (done.stdout, done.stderr, done.returncode) == (input, b"so\n", 3)


def test_one_that_reads_nothing_is_no_error() -> None:
    assert bounded.run(["true"], "here", input=b"x" * 3_000_000).returncode == 0


def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        bounded.run(["sleep", "60"], "here", timeout_s=0.1)
