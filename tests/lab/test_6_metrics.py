"""Prometheus shows a guest's CPU rising under load, and when nobody works any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_project import COMMAND, LabProject

from guesthouse.lab.host import CONTAINER
from prometheus import Prometheus, exporter, prometheus, until
from scratch import clean_environment

KIND = CONTAINER

# Seconds between two looks: a host under load needs some for its answer.
INTERVAL_S = 30
# Of one vCPU; an idle guest that is emulated has been seen at 0.12.
RISES, IDLE = 0.4, 0.25
RATE = f'rate(guesthouse_guest_vcpu_seconds_total{{guest="db"}}[{4 * INTERVAL_S}s])'
# It ends by itself, whatever becomes of the test.
LOAD = "timeout 900 sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null & echo $!"


@pytest.fixture
def server(deployed: LabProject, tmp_path: Path) -> Iterator[Prometheus]:
    files = tmp_path / "files"
    files.mkdir()
    deployed.run("verify", "lab", "--metrics", str(files / "verify.prom"))
    argv = [
        *(str(COMMAND), "-C", str(deployed.root), "metrics", "lab", "--listen", "127.0.0.1:0"),
        *("--timeout", str(INTERVAL_S - 1), "--textfile", str(files)),
    ]
    with (
        exporter(argv, tmp_path, clean_environment()) as target,
        prometheus(target, tmp_path, INTERVAL_S) as made,
    ):
        yield made


@pytest.mark.long
def test_prometheus_shows_a_guest_at_work(deployed: LabProject, server: Prometheus) -> None:
    def below() -> bool:
        now = server.value(RATE)
        return now is not None and now < IDLE

    def above() -> bool:
        return (server.value(RATE) or 0) > RISES

    def told() -> object:
        return server.query(RATE), server.query("guesthouse_host_up")

    until(below, 12 * INTERVAL_S, told)
    assert server.value("sum(guesthouse_host_up)") == 2
    assert server.value('guesthouse_guest_state{guest="db", state="running"}') == 1
    assert server.value("guesthouse_verify_success") == 1
    load = deployed.guest("db", LOAD).strip()
    try:
        until(above, 12 * INTERVAL_S, told)
    finally:
        deployed.guest("db", f"kill {load}")
    until(below, 12 * INTERVAL_S, told)
