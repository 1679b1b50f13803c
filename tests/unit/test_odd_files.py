"""Odd files in the place of each that a command reads: said in a line, soon, in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_site import SITE, write_project

from guesthouse.cli import textfile

LIMIT_S, LIMIT_MB = 5.0, 300


def _big(path: Path) -> None:
    path.touch()
    os.truncate(path, 200 * 1024**2)


def _unreadable(path: Path) -> None:
    path.write_text(SITE)
    path.chmod(0)


# Name: how it is made, and what is said of it as a site file.
ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.touch(), "empty"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "FIFO": (os.mkfifo, "is a FIFO"),
    "not UTF-8": (lambda path: path.write_bytes(b"site: \xff\n"), "not UTF-8 text"),
    "NUL": (lambda path: path.write_bytes(b"site: a\0b\n"), "control character"),
    "UTF-16": (lambda path: path.write_bytes(SITE.encode("utf-16")), "not UTF-8 text"),
    "200 MB": (_big, "is larger than"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "loop": (lambda path: path.symlink_to(path.name), "too many levels"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "unreadable": (_unreadable, "permission denied"),
}
# Name: the file that is odd, and the command that reads it.
READERS = {
    "check": ("stacks/one.site.yaml", ("check", "stacks/one.site.yaml")),
    "plan": ("stacks/one.site.yaml", ("plan", "one")),
    "preview": ("stacks/one.site.yaml", ("preview", "one")),
    "local part": (".guesthouse/local/one.site.yaml", ("plan", "one")),
    "configuration": ("stacks/Pulumi.one.yaml", ("plan", "one")),
}
# An empty one of these says nothing, which is fine.
FINE = {(reader, "empty") for reader in ("local part", "configuration")}
RUN = """\
import sys
from guesthouse.cli.app import run
code = run()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(code, int(peak.split()[1]) // 1024)
"""


def ran(folder: Path, *argv: str) -> tuple[int, str]:
    """Exit code and all that was said, in no more time and memory than allowed."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *argv], cwd=folder, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=True,
    )  # fmt: skip
    said, code, peak_mb = done.stdout.rstrip().rpartition("\n")[0], *done.stdout.split()[-2:]
    assert int(peak_mb) < LIMIT_MB
    assert time.monotonic() - begun < LIMIT_S
    return int(code), said


def _project(folder: Path) -> None:
    write_project(folder)
    (folder / ".guesthouse/local").mkdir(parents=True)
    (folder / ".guesthouse/local/one.site.yaml").write_text("site: one-1\n")
    (folder / "stacks/Pulumi.one.yaml").write_text("config: {}\n")


if os.geteuid() == 0:
    del ODD["unreadable"]  # Root reads all.


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_is_said_in_a_line(tmp_path: Path, reader: str, odd: str) -> None:
    _project(tmp_path)
    name, argv = READERS[reader]
    (tmp_path / name).unlink()
    make, words = ODD[odd]
    make(tmp_path / name)
    code, said = ran(tmp_path, *argv)
    assert "Traceback" not in said
    if (reader, odd) in FINE:
        assert code == 0
    else:
        assert (code, words in said, Path(name).name in said) == (2, True, True), said


@pytest.mark.parametrize("reader", ["check", "plan"])
def test_the_control_is_accepted(tmp_path: Path, reader: str) -> None:
    _project(tmp_path)
    assert ran(tmp_path, *READERS[reader][1])[0] == 0


def test_an_odd_file_of_metrics_is_counted(tmp_path: Path) -> None:
    for odd, (make, _) in ODD.items():
        make(tmp_path / f"{odd}.prom")
    (tmp_path / "control.prom").write_text("a 1\n")
    metrics = {metric.name: metric for metric in textfile.read(tmp_path)}
    assert [sample.value for sample in metrics["a"].samples] == [1]
    wrong = {
        sample.labels["file"]
        for sample in metrics["guesthouse_textfile_scrape_error"].samples
        if sample.value
    }
    assert wrong == {f"{odd}.prom" for odd in ODD} - {"empty.prom"}
