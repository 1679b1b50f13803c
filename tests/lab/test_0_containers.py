"""A lab of eight container hosts, a small guest on each: up, cut, without power, back, gone.

It has a project of its own, and is there only for these tests.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers_case import left, site
from lab_project import COMMAND, LabProject, pinged
from pings import fastest_ms

from guesthouse.lab.host import CONTAINER
from scratch import clean_environment, scratch_project

KIND = CONTAINER
# Beside the labs that others share.
LAB = "eight"

# Two have the names of what the lab itself has beside its hosts.
HOSTS = ["c1", "c2", "c3", "c4", "c5", "tree", "world", "c8"]


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProject]:
    root = tmp_path_factory.mktemp("eight") / "project"
    before = left(root)
    project = LabProject(scratch_project(root))
    (project.root / "stacks/lab.site.yaml").write_text(site(HOSTS))
    try:
        project.guesthouse("lab", "up")
        project.guesthouse("up", "lab", "--yes")
        yield project
    finally:
        project.run("lab", "down")
    assert left(root) == before
    assert not (project.root / ".guesthouse/lab").exists()


def test_all_is_as_declared(eight: LabProject) -> None:
    eight.guesthouse("verify", "lab")
    eight.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")
    state = json.loads(eight.guesthouse("lab", "status", "--json"))
    assert {(host["kind"], host["state"]) for host in state["hosts"].values()} == {
        ("container", "running")
    }


@pytest.mark.parametrize("number", range(1, 9))
def test_each_guest_reaches_all_others(eight: LabProject, number: int) -> None:
    others = [f"10.90.0.{100 + other}" for other in range(1, 9) if other != number]
    pings = "; ".join(f"({pinged(f'sudo -n ping {other}')}) || exit 1" for other in others)
    assert eight.guest(f"g{number}", pings).split() == ["answered"] * 7


def test_the_hosts_reach_each_other_on_each_segment(eight: LabProject) -> None:
    for other in (2, 8):
        for network in ("10.90.0", "10.92.0"):
            assert eight.host(pinged(f"ping {network}.{other}"), name="c1")


def reaches(lab: LabProject) -> bool:
    once = "ping -q -c 1 -W 2 10.90.0.3 >/dev/null && echo answered || true"
    return bool(lab.host(once, name="c1"))


def test_a_link_is_cut_and_mended(eight: LabProject) -> None:
    assert reaches(eight)
    eight.guesthouse("lab", "link", "c3", "down")
    assert "NO-CARRIER" in eight.host("ip -o link show dev enp0s4", name="c3")
    assert not reaches(eight)
    eight.guesthouse("lab", "link", "c3", "up")
    assert eight.host(pinged("ping 10.90.0.3"), name="c1")


def rtt_ms(lab: LabProject) -> float:
    """From c1 to c3 and back, the fastest of five."""
    return fastest_ms(lab.host("ping -q -c 5 -i 0.3 -W 10 10.90.0.3", name="c1"))


def test_a_link_is_slow_and_fast_again(eight: LabProject) -> None:
    changes = "cat /sys/class/net/enp0s4/carrier_changes"
    before = eight.host(changes, name="c3")
    eight.guesthouse("lab", "link", "c3", "up", "--delay-ms", "100")
    slow = rtt_ms(eight)
    assert slow >= 200
    eight.guesthouse("lab", "link", "c3", "up", "--loss-percent", "100")
    state = json.loads(eight.guesthouse("lab", "status", "--json"))["hosts"]
    assert [(host["link"], host["loss_percent"]) for host in state.values()] == [
        ("up", 100 if name == "c3" else 0) for name in state
    ]
    assert not reaches(eight)
    eight.guesthouse("lab", "link", "c3", "up")
    assert rtt_ms(eight) < slow / 2
    assert eight.host(changes, name="c3") == before


def test_a_host_without_power_is_seen_and_comes_back(eight: LabProject) -> None:
    first = eight.host("cat /proc/sys/kernel/random/boot_id; ls /srv/guests", name="c8")
    eight.guesthouse("lab", "link", "c8", "up", "--delay-ms", "50")
    eight.guesthouse("lab", "power", "c8", "off")
    state = json.loads(eight.guesthouse("lab", "status", "--json"))["hosts"]
    assert [name for name, host in state.items() if host["state"] == "stopped"] == ["c8"]
    told = eight.run("verify", "lab", "--patience", "1")
    assert told.returncode == 1 and "c8: " in told.stdout
    said = eight.run("lab", "link", "c8", "up")
    assert (said.returncode, "host c8: has no power" in said.stderr) == (6, True)
    eight.guesthouse("lab", "power", "c8", "on")
    state = json.loads(eight.guesthouse("lab", "status", "--json"))["hosts"]
    assert (state["c8"]["link"], state["c8"]["delay_ms"]) == ("up", 0)
    # Its disk is what it was; its guest was not told to start by itself.
    assert eight.host("ls /srv/guests", name="c8") in first
    eight.guesthouse("up", "lab", "--yes", "--refresh")
    eight.guesthouse("verify", "lab")


def test_a_host_that_nobody_knows_is_said(eight: LabProject) -> None:
    said = eight.run("lab", "power", "c9", "off")
    assert said.returncode == 6
    assert "lab: has no such host, got c9, allowed c1, c2" in said.stderr


def test_again_changes_nothing(eight: LabProject) -> None:
    before = json.loads(eight.guesthouse("lab", "status", "--json"))
    eight.guesthouse("lab", "up")
    assert json.loads(eight.guesthouse("lab", "status", "--json")) == before


# After so many seconds: in the world's start, in the boots, while they are awaited.
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_up_that_is_ended_leaves_nothing_after_down(
    tmp_path: Path, eight: LabProject, number: int
) -> None:
    root = tmp_path / "project"
    before = left(root)
    project = LabProject(scratch_project(root))
    (project.root / "stacks/lab.site.yaml").write_text(site(HOSTS[:2]))
    for seconds in (0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0, 4.0):
        argv = [str(COMMAND), "-C", str(project.root), "lab", "up"]
        with subprocess.Popen(
            argv, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            process_group=0,
        ) as process:  # fmt: skip
            time.sleep(seconds)
            process.send_signal(number)
            said = process.communicate(timeout=60)[0].decode()
        assert "Traceback" not in said, said
        project.guesthouse("lab", "down")
        assert left(root) == before
    # The same folder still makes a lab.
    project.guesthouse("lab", "up")
    project.guesthouse("lab", "down")
    assert left(root) == before


def test_two_labs_at_once_do_not_see_each_other(tmp_path: Path, eight: LabProject) -> None:
    """The same hosts, addresses and names, in another checkout."""
    other = LabProject(scratch_project(tmp_path / "project"))
    (other.root / "stacks/lab.site.yaml").write_text(site(HOSTS[:2]))
    try:
        other.guesthouse("lab", "up")
        other.host("hostname other; ip link show enp0s4", name="c1")
        assert eight.host("hostname", name="c1") == "c1\n"
    finally:
        other.run("lab", "down")
    eight.guesthouse("verify", "lab")


def test_where_containers_are_impossible_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No systemd-nspawn on PATH: nothing is built or started."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    project = LabProject(scratch_project(tmp_path / "project"))
    (project.root / "stacks/lab.site.yaml").write_text(site(HOSTS[:1]))
    monkeypatch.setenv("PATH", str(programs))
    said = project.run("lab", "up")
    assert said.returncode == 6
    assert "lab: has no container hosts here: systemd-nspawn is not installed" in said.stderr
    project.run("lab", "down")


def test_more_hosts_than_the_machine_allows_are_refused(tmp_path: Path) -> None:
    """systemd needs inotify instances; without them its hosts never come up."""
    allowed = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    hosts = [f"c{number}" for number in range(allowed // 15 + 1)]
    project = LabProject(scratch_project(tmp_path / "project"))
    (project.root / "stacks/lab.site.yaml").write_text(site(hosts))
    said = project.run("lab", "up")
    assert said.returncode == 6
    assert "hint: allow more: sudo sysctl fs.inotify.max_user_instances=" in said.stderr
    project.run("lab", "down")
