"""`guesthouse metrics` over hosts that answer, refuse, hang and talk nonsense."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest
from metrics_case import RECORDED, FakeHosts
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from guesthouse.checks import Finding
from guesthouse.cli import metrics, textfile
from guesthouse.cli.app import run
from guesthouse.cli.families import FAMILIES, Collected
from guesthouse.cli.project import Project
from guesthouse.cli.scrape import Answers, Shared, StackCollector, serve
from guesthouse.cli.stack import read_plan
from guesthouse.errors import MachineError, Problem, SetupError


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    made = FakeHosts(tmp_path)
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(made.root)
    return made


def samples(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """(name, values of the labels in the table's order) -> value."""
    found = {}
    for metric in families:
        for sample in metric.samples:
            labels = FAMILIES[sample.name][1]
            assert set(sample.labels) == set(labels), sample
            key = (sample.name.removeprefix("guesthouse_"), *(sample.labels[x] for x in labels))
            assert key not in found
            found[key] = sample.value
    return found


def parsed(text: str) -> dict[tuple[str, ...], float]:
    return samples(text_string_to_metric_families(text))


def test_what_hosts_counted_is_printed(
    hosts: FakeHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    mac = read_plan(Project.find(), "one").guests["web"].nics[0].mac
    # The guest's second NIC, by its declared MAC; the first one is somebody else's.
    hosts.answers("h1", RECORDED.replace("52:95:59:0a:08:53", mac))
    for other in ("h2", "h3"):
        hosts.answers(other, RECORDED)
    assert run(["metrics", "one"]) == 0
    # However many guests there are.
    assert hosts.calls() == ["h1", "h2", "h3"]
    found = parsed(capsys.readouterr().out)
    at, db = ("one", "h1"), ("one", "h1", "db")
    assert {key: found[key] for key in expected(at, db)} == expected(at, db)
    nics = [k[4] for k in found if k[:4] == ("guest_network_receive_bytes_total", *at, "web")]
    assert len(nics) == 2
    assert nics.count("nat0") == 1
    # The card does not count db's: absent, not 0.
    counted = {key[4] for key in found if key[0] == "vf_receive_bytes_total"}
    assert counted == {"0", "2", "3"}


def expected(at: tuple[str, ...], db: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    vf = (*at, "enp1s0", "1", "db", "52:76:41:3b:9f:93", "42", "")
    return {
        ("host_up", *at): 1,
        ("host_cpu_seconds_total", *at, "steal"): 0,
        ("host_cpu_seconds_total", *at, "system"): 1091.4,
        ("host_memory_total_bytes", *at): 2983756 * 1024,
        ("host_network_transmit_bytes_total", *at, "enp0s4"): 6012,
        ("pool_capacity_bytes", *at, "guests"): 4096 * 5116564,
        ("pool_allocation_bytes", *at, "guests"): 4096 * 239350,
        ("guest_state", *db, "running"): 1,
        ("guest_state", *db, "shut off"): 0,
        ("guest_health", *db, "healthy", "its agent answers"): 1,
        ("guest_vcpu_seconds_total", *db, "0"): 291.39,
        ("guest_vcpu_delay_seconds_total", *db, "0"): 536.031021056,
        ("guest_balloon_unused_bytes", *db): 117984 * 1024,
        ("guest_disk_write_requests_total", *db, "root"): 161,
        ("guest_disk_capacity_bytes", *db, "root"): 1 << 30,
        ("guest_network_receive_packets_total", *db, "52:55:27:57:86:c3"): 1149,
        ("vf_info", *vf): 1,
        ("vf_transmit_bytes_total", *at, "enp1s0", "0", ""): 0,
    }


def test_one_host_does_not_spoil_the_others(
    hosts: FakeHosts, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts.answers("h1", RECORDED)
    hosts.answers("h2", RECORDED.replace("MemAvailable", "MemNothing"))
    hosts.hangs("h3")
    began = time.monotonic()
    assert run(["metrics", "one", "--timeout", "5"]) == 4
    assert time.monotonic() - began < 15
    out, err = capsys.readouterr()
    found = parsed(out)
    assert [found["host_up", "one", host] for host in ("h1", "h2", "h3")] == [1, 0, 0]
    assert {key[2] for key in found} == {"h1", "h2", "h3"}
    assert {key[2] for key in found if key[0] != "host_up"} == {"h1"}
    assert "host h2: its answer cannot be read, got KeyError: 'MemAvailable'\n" in err
    assert "host h3: no answer within 5 s" in err


def test_a_host_is_told_silent_once(hosts: FakeHosts, capsys: pytest.CaptureFixture[str]) -> None:
    collector = StackCollector(read_plan(Project.find(), "one"), 10)
    list(collector.collect())
    assert capsys.readouterr().err.count("Connection refused") == 3
    hosts.answers("h1", RECORDED)
    list(collector.collect())
    assert capsys.readouterr().err == "host h1: answers again\n"
    assert list(collector.silent) == ["h2", "h3"]


def test_names_can_be_asked_for_without_a_look(hosts: FakeHosts) -> None:
    described = samples(StackCollector(read_plan(Project.find(), "one"), 10).describe())
    assert ("host_up", "", "") in described
    assert not (hosts.ssh / "calls").exists()


def test_those_who_ask_at_once_share_a_look() -> None:
    looks: list[int] = []
    go, started = threading.Event(), threading.Event()

    def take() -> Answers:
        looks.append(1)
        started.set()
        assert go.wait(10)
        return {"h1": MachineError(Problem("host h1", "is tired"))}

    shared, got = Shared(take), []
    threads = [threading.Thread(target=lambda: got.append(shared())) for _ in range(5)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    while sum(thread.is_alive() for thread in threads) < 5:
        time.sleep(0.01)
    time.sleep(0.2)
    go.set()
    for thread in threads:
        thread.join(10)
    assert (len(looks), len({id(answers) for answers in got}), len(got)) == (1, 1, 5)
    shared()
    assert len(looks) == 2


def test_a_look_that_fails_is_not_the_last() -> None:
    def take() -> Answers:
        raise SetupError(Problem("ssh", "is gone"))

    shared = Shared(take)
    for _ in range(2):
        with pytest.raises(SetupError):
            shared()


@pytest.mark.parametrize("text", ["x", ":9877", "h:1:", "127.0.0.1:99999", "127.0.0.1:-1"])
def test_where_to_listen_is_an_address_and_a_port(text: str) -> None:
    with pytest.raises(SetupError) as caught:
        metrics.address(text)
    assert str(caught.value) == (
        f"--listen: is no address and port, got '{text}', allowed [ADDRESS:]PORT"
    )


@pytest.mark.parametrize("name", ["x" * 64, "a..b"])
def test_a_name_that_cannot_be_one_is_said(name: str) -> None:
    with pytest.raises(SetupError) as caught:
        serve(cast(StackCollector, Collected(())), name, 0)
    assert str(caught.value).startswith(f"--listen {name}:0: cannot listen: ")


def test_a_port_alone_is_of_loopback() -> None:
    assert metrics.address("9877") == ("127.0.0.1", 9877)
    assert metrics.address("[::1]:0") == ("::1", 0)
    assert metrics.address("192.0.2.1:1") == ("192.0.2.1", 1)


FINDINGS = [
    Finding("error", "passed", "a", "guests.web.vcpus", "web", "vCPUs"),
    Finding("error", "passed", "b", "guests.db.vcpus", "db", "vCPUs"),
    Finding("warning", "not checked", "c", "guests.db.cpu", "db", "CPU"),
]


def test_files_are_written_whole_and_read_back(tmp_path: Path, hosts: FakeHosts) -> None:
    folder = tmp_path / "collector"
    folder.mkdir()
    textfile.write(folder / "verify.prom", textfile.verified("one", FINDINGS))
    textfile.write(folder / "drift.prom", textfile.drifted("one", 3))
    textfile.write(folder / "other.prom", textfile.drifted("two", 0))
    # One that somebody made of our own output: its host would be there twice.
    textfile.write(folder / "ours.prom", [("guesthouse_host_up", ("one", "h1"), 1)])
    (folder / "older.prom").write_text("guesthouse_host_cpu_seconds_total 1\n")
    # Of one that was copied the last counts.
    textfile.write(folder / "copy.prom", textfile.drifted("one", 9))
    (folder / "broken.prom").write_text("guesthouse_verify_checks{ 1\n")
    assert sorted(path.suffix for path in folder.iterdir()) == [".prom"] * 7
    found = samples(StackCollector(read_plan(Project.find(), "one"), 10, folder).collect())
    now = time.time()
    for kind in ("verify", "drift"):
        assert now - 60 < found.pop((f"{kind}_timestamp_seconds", "one")) <= now
    assert found.pop(("drift_timestamp_seconds", "two"))
    assert found == {
        **{("host_up", "one", host): 0 for host in ("h1", "h2", "h3")},
        ("verify_checks", "one", "passed"): 2,
        ("verify_checks", "one", "failed"): 0,
        ("verify_checks", "one", "not_checked"): 1,
        ("verify_success", "one"): 1,
        ("drift_resources", "one"): 3,
        ("drift_resources", "two"): 0,
        **{
            ("textfile_scrape_error", f"{name}.prom"): float(name == "broken")
            for name in ("broken", "copy", "drift", "older", "other", "ours", "verify")
        },
    }


def test_a_file_that_no_collector_would_read_is_refused(tmp_path: Path) -> None:
    for path, what in (
        (tmp_path / "x.txt", "collectors read only files that end in .prom"),
        (tmp_path / "gone/x.prom", "cannot be written: no such file or directory"),
    ):
        with pytest.raises(SetupError) as caught:
            textfile.write(path, ())
        assert str(caught.value) == f"{path}: {what}"
