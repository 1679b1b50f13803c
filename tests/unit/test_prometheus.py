"""A real Prometheus scrapes a real server; only ssh, which it asks the hosts by, is a fake."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from metrics_case import RECORDED, FakeHosts

from dashboard import filled, targets
from guesthouse.cli import textfile
from guesthouse.cli.families import FAMILIES
from prometheus import Prometheus, exporter, program, prometheus, until

COMMAND = Path(sys.executable).with_name("guesthouse")
VCPU = "guesthouse_guest_vcpu_seconds_total"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over h1, whose guest web works half of the time, h2, which refuses, and h3."""
    folder = tmp_path_factory.mktemp("metrics")
    hosts = FakeHosts(folder)
    works = "vcpu.0.time=347090000000"
    assert RECORDED.count(works) == 1
    hosts.answers("h1", RECORDED.replace(works, "vcpu.0.time=NOW"))
    hosts.answers("h3", RECORDED)
    files = folder / "files"
    files.mkdir()
    textfile.write(files / "verify.prom", textfile.verified("one", ()))
    textfile.write(files / "drift.prom", textfile.drifted("one", 2))
    argv = [
        *(str(COMMAND), "-C", str(hosts.root), "metrics", "one"),
        *("--listen", "127.0.0.1:0", "--timeout", "4", "--textfile", str(files)),
    ]
    env = {**os.environ, "PATH": hosts.path, "TMPDIR": str(folder)}
    with exporter(argv, folder, env) as address:
        yield address


@pytest.fixture(scope="module")
def server(target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(target, tmp_path_factory.mktemp("prometheus"), 1) as made:
        until(lambda: made.query(f"count_over_time({VCPU}[30s]) >= 6"), 90)
        yield made


def test_rates_are_made_of_what_was_counted(server: Prometheus) -> None:
    until(lambda: server.value('up{job="guesthouse"}') == 1, 30)
    # Half of the time; a scrape is not always exactly where Prometheus thinks it is.
    half = f'rate({VCPU}{{host="h1", guest="web"}}[6s])'
    until(lambda: 0.4 < (server.value(half) or 0) < 0.6, 30, lambda: server.value(half))
    until(lambda: server.value(f'rate({VCPU}{{host="h3", guest="web"}}[30s])') == 0, 30)


def test_a_host_that_refuses_is_down_and_alone(server: Prometheus) -> None:
    def up() -> dict[str, str]:
        found = server.query("guesthouse_host_up")
        return {one["metric"]["host"]: one["value"][1] for one in found}

    # A scrape that took too long has no data: here, and below, the next one has.
    until(lambda: up() == {"h1": "1", "h2": "0", "h3": "1"}, 30, up)


def test_files_are_there_too(server: Prometheus) -> None:
    until(lambda: server.value("guesthouse_drift_resources") == 2, 30)
    age = "time() - guesthouse_verify_timestamp_seconds"
    until(lambda: 0 <= (server.value(age) or -1) < 600, 30, lambda: server.value(age))


def test_the_dashboard_has_data_in_every_panel(server: Prometheus) -> None:
    def empty() -> list[str]:
        return [
            f"{title}: {target['expr']}"
            for title, target in targets()
            if not server.query(filled(target["expr"], stack="one", host=".*", guest=".*"))
        ]

    until(lambda: not empty(), 30, empty)


def test_the_text_is_as_prometheus_advises(target: str) -> None:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=30) as answer:
        text = answer.read()
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lint = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")
    names = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")}
    assert names <= FAMILIES.keys()
    assert len(names) > 40


def test_a_port_that_is_taken_is_said(target: str, tmp_path: Path) -> None:
    hosts = FakeHosts(tmp_path)
    argv = [str(COMMAND), "-C", str(hosts.root), "metrics", "one", "--listen", target]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (
        7,
        f"error: --listen {target}: cannot listen: address already in use\n",
    )


def test_sigterm_is_a_good_end(tmp_path: Path) -> None:
    hosts = FakeHosts(tmp_path)
    argv = [str(COMMAND), "-C", str(hosts.root), "metrics", "one", "--listen", "0"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("serving http://127.0.0.1:")
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_one_name_alone_can_be_asked_for(target: str) -> None:
    url = f"http://{target}/metrics?name[]=guesthouse_host_up"
    with urllib.request.urlopen(url, timeout=30) as answer:
        lines = [x for x in answer.read().decode().splitlines() if not x.startswith("#")]
    assert len(lines) == 3
