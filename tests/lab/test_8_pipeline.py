"""A team's life with the shell pipeline: reviewed, allowed, merged, and watched at night."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab_project import LabProject
from lxml import etree
from team import Run, Team

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

MACHINE = "pc-q35-9.2"
WEB = "    vcpus_max: 4\n    memory_mib: 512\n"
BIGGER = f"    vcpus_max: 4\n    machine: {MACHINE}\n    memory_mib: 640\n"
ADDRESS = "10.90.0.1/24"


@pytest.fixture
def team(deployed: LabProject, tmp_path: Path) -> Team:
    return Team(deployed.root, tmp_path)


def test_reviewed_merged_applied_and_watched(deployed: LabProject, team: Team) -> None:
    team.propose("bigger", WEB, BIGGER)
    refused = team.run("review", "bigger")
    assert refused.code == 5, refused.said
    assert _changes(refused) == {
        "web": {"memory": "live", "machine": "restart"},
    }
    assert refused.report["outcome"] == "refused"
    (refusal,) = refused.report["refused"]
    assert "web" in refusal["what"] and "machine" in refusal["what"]
    assert "memory" not in refusal["what"]
    assert "memory 512 -> 640 MiB (live)" in refused.files["report.md"]
    assert "```mermaid\n" in refused.files["report.md"]
    assert "<svg" in refused.files["topology.svg"]

    team.propose("bigger", BIGGER, f"{BIGGER}    allow: [restart]\n")
    held = team.run("review", "bigger")
    assert held.code == 5, held.said
    assert (held.report["outcome"], held.report["refused"]) == ("held", [])
    (kept,) = held.report["held"]
    assert "web: machine" in kept["what"] and "--fail-on restart" in kept["what"]

    merged = team.merge("bigger")
    # The lab's own project goes on from what is on main.
    deployed.site.write_text(merged)
    applied = team.run("apply", "main")
    assert applied.code == 0, applied.said
    assert _failures(applied) == []
    assert f"machine='{MACHINE}'" in deployed.host("virsh dumpxml web")
    assert deployed.guest("web", "cat /sys/class/dmi/id/product_version") == f"{MACHINE}\n"

    deployed.host(f"ip address delete {ADDRESS} dev br0")
    drifted = team.run("drift", "main")
    assert drifted.code == 1, drifted.said
    assert _changes(drifted) == {"h1": {"bridge br0 address": "live"}}
    # The host is the guests' jump host: without the address nobody gets any further.
    assert {name.partition(":")[0] for name in _failures(drifted)} == {
        "hosts.h1.bridges.br0.address",
        "guests.web",
        "guests.db",
    }
    assert "FAILED hosts.h1.bridges.br0.address" in drifted.said

    deployed.guesthouse("up", "lab", "--refresh", "--yes")
    watched = team.run("drift", "main")
    assert watched.code == 0, watched.said
    assert _changes(watched) == {}


def _changes(run: Run) -> dict[str, dict[str, str]]:
    """What changes of what, and what it costs."""
    return {
        item["name"]: {change["what"]: change["effect"] for change in item["changes"]}
        for item in run.report["changes"]
    }


def _failures(run: Run) -> list[str]:
    """The names of the checks that failed."""
    cases = etree.fromstring(run.files["verify.xml"].encode()).iter("testcase")
    return [case.get("name") or "" for case in cases if case.find("failure") is not None]
