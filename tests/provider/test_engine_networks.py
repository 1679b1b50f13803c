"""The real engine and a libvirt network of ours: what the preview says of a change."""

from __future__ import annotations

import json

from project import EngineProject

LAN = "  lan: {kind: bridge, bridge: br0, hosts: [t1], existing: true}\n"
NAT = "  nat: {kind: nat, subnet: 10.77.0.0/24, hosts: [t1]}\n"


def declare(project: EngineProject, nat: str) -> None:
    project.write(count=0)
    file = project.root / "stacks/test.site.yaml"
    text = file.read_text().replace("guests:\n", "guests: {}\n")
    assert LAN in text
    file.write_text(text.replace(LAN, LAN + nat))


def test_a_network_is_made_then_its_range_changes_live(project: EngineProject) -> None:
    declare(project, NAT)
    project.pulumi("up", "--yes", "--skip-preview")
    project.pulumi("preview", "--expect-no-changes")
    declare(project, NAT.replace("}", ", dhcp_range: {start: 10.77.0.9, end: 10.77.0.99}}"))
    told = json.loads(project.pulumi("preview", "--json"))
    said = [item["message"].strip() for item in told["diagnostics"] if item["severity"] == "info"]
    line = "dhcp range 10.77.0.2-10.77.0.254 -> 10.77.0.9-10.77.0.99 (live)"
    assert said == [f"network nat on t1: {line}"]
    steps = {step["urn"].rpartition("::")[2]: step["op"] for step in told["steps"]}
    assert steps["t1-nat"] == "update"
    out = project.pulumi("destroy", "--yes", "--skip-preview")
    assert "guesthouse:index:Network t1-nat deleted" in " ".join(out.split())
