"""A real Prometheus (scripts/prometheus.sh) that scrapes a real `guesthouse metrics --listen`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "guesthouse"
PROGRAMS = CACHE / "prometheus"


def program(name: str) -> str:
    """``prometheus`` or ``promtool``."""
    assert (PROGRAMS / name).exists(), f"{PROGRAMS / name} is missing: run scripts/prometheus.sh"
    return str(PROGRAMS / name)


@contextmanager
def _started(argv: Sequence[str], log: Path, ready: str, env: Mapping[str, str]) -> Iterator[str]:
    """A server on a port of its own choice, ended by Ctrl-C; gives what ``ready`` finds in its log.
    That it ends well is part of every test."""
    with log.open("w") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=file, env=dict(env))
    try:
        found = until(lambda: re.search(ready, log.read_text()), 60, log.read_text)
        yield str(found[1])
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    assert code == 0, log.read_text()


def until(look: Callable[[], Any], seconds: float, told: Callable[[], object] = str) -> Any:
    """What ``look`` gives once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {told()}")


@contextmanager
def exporter(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """``argv`` is a `guesthouse metrics ... --listen 127.0.0.1:0`; gives its address and port."""
    ready = r"serving http://(127\.0\.0\.1:\d+)/metrics"
    with _started(argv, folder / "exporter.log", ready, env) as target:
        yield target


class Prometheus:
    """The HTTP API of a running one."""

    def __init__(self, address: str) -> None:
        self._address = address

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query: each result's labels (``metric``) and ``value``."""
        words = urllib.parse.urlencode({"query": expression})
        url = f"http://{self._address}/api/v1/query?{words}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return list(told["data"]["result"])

    def value(self, expression: str) -> float | None:
        """The value of an expression with one result; None for none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


@contextmanager
def prometheus(target: str, folder: Path, interval_s: int) -> Iterator[Prometheus]:
    """One that asks the target every ``interval_s`` seconds and waits so long for an answer."""
    config = {
        "global": {"scrape_interval": f"{interval_s}s", "scrape_timeout": f"{interval_s}s"},
        "scrape_configs": [{"job_name": "guesthouse", "static_configs": [{"targets": [target]}]}],
    }
    # JSON is YAML.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    argv = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    # It listens before it has opened its data, and answers 503 meanwhile.
    listens = r'msg="Listening on" address=(127\.0\.0\.1:\d+)'
    ready = rf"(?s)(?=.*Server is ready to receive).*{listens}"
    with _started(argv, folder / "prometheus.log", ready, os.environ) as address:
        yield Prometheus(address)
