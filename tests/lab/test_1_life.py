"""From nothing to verified guests, and the second run changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lab_project import LabProject, pinged

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

NICS = ("enp0s3", "enp0s4")
PLACES = "/etc /var/lib /var/log /run/libvirt /srv /root /tmp"


def test_every_declared_attribute_is_verified(deployed: LabProject, tmp_path: Path) -> None:
    junit = tmp_path / "verify.xml"
    out = deployed.guesthouse("verify", "lab", "--junit", str(junit))
    suites = ElementTree.parse(junit).getroot()  # noqa: S314, our own file
    cases = list(suites.iter("testcase"))
    assert len(cases) >= 60
    assert not [case for case in cases if len(case)]
    assert "web" in out and "db" in out


def test_a_second_run_changes_nothing(deployed: LabProject) -> None:
    deployed.guesthouse("preview", "lab", "--expect-no-changes")
    deployed.guesthouse("preview", "lab", "--refresh", "--expect-no-changes")


def test_a_guest_answers_by_its_name(deployed: LabProject) -> None:
    assert deployed.guesthouse("ssh", "web", "--", "hostname") == "web\n"


def test_the_guests_reach_each_other_over_the_bridge(deployed: LabProject) -> None:
    assert deployed.guest("web", pinged("sudo -n ping 10.90.0.12"))


@pytest.mark.parametrize(("host", "number"), [("h1", "01"), ("h2", "02")])
def test_the_nics_sit_where_the_lab_promises(lab: LabProject, host: str, number: str) -> None:
    names = " ".join(f"/sys/class/net/{nic}/address" for nic in NICS)
    macs = lab.host(f"cat {names}", name=host).split()
    assert macs == [f"52:54:00:6c:0{nic}:{number}" for nic in (1, 2)]


def test_the_hosts_reach_each_other_over_their_trunks(deployed: LabProject) -> None:
    assert deployed.host(pinged("ping 10.90.0.1"), name="h2")
    assert deployed.guest("web", pinged("sudo -n ping 10.90.0.2"))


def test_the_secret_is_nowhere_outside_the_seed(deployed: LabProject) -> None:
    value = deployed.pulumi("config", "get", "web_password").stdout.strip()
    assert len(value) > 8
    places = [deployed.root / name for name in (".guesthouse/state", ".guesthouse/log", "stacks")]
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert [path for path in files if value.encode() in path.read_bytes()] == []
    for argv in (("stack", "export"), ("preview", "--diff"), ("stack", "output")):
        result = deployed.pulumi(*argv)
        assert value not in result.stdout + result.stderr
    # The pattern comes through a pipe, or this very search would put it into a process list.
    command = f"grep -rlsFf - {PLACES} /proc/[0-9]*/cmdline || true"
    assert deployed.host(command, text=f"{value}\n") == ""


def test_the_seed_is_readable_by_root_and_qemu_only(deployed: LabProject) -> None:
    modes = deployed.host("stat -c %a /srv/guests/*.seed.iso").split()
    assert modes == ["600", "600"]


def test_where_tells_the_files_of_a_guest(deployed: LabProject) -> None:
    told = json.loads(deployed.guesthouse("where", "web", "--json"))
    assert (told["host"], list(told["disks"])) == ("h1", ["root", "data", "(seed)"])
    root, data = told["disks"]["root"], told["disks"]["data"]
    assert (root["virtual_bytes"], root["format"]) == (4 * 1024**3, "qcow2")
    assert "debian13-" in root["backing_path"] and data["backing_path"] == ""
    assert 0 < data["allocated_bytes"] < root["allocated_bytes"] < root["virtual_bytes"]


def test_status_tells_of_host_and_guests(deployed: LabProject) -> None:
    hosts = json.loads(deployed.guesthouse("status", "lab", "--json"))
    text = json.dumps(hosts)
    assert '"web"' in text and '"db"' in text and "running" in text
