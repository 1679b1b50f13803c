"""A site with guests to measure, and programs that play ssh, iperf3, ip and virsh."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from guesthouse.cli import stack as stacks
from guesthouse.cli.stack import Stack, with_outputs
from guesthouse.facts import iperf
from guesthouse.facts.question import Question
from guesthouse.model import parse_site
from guesthouse.placement import Plan, plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouseTestKeyAaaaaaaaaaaaaaaaaaaaaaaa"
RECORDED = Path(__file__).parent / "recorded_facts" / "iperf3.json"
LOGIN = {"users": {"admin": {"ssh_keys": [KEY]}}}
PROGRAMS = {
    "ssh": 'for last; do :; done; exec sh -c "$last"',
    "iperf3": f"""
case "$*" in
*"-s -1"*)
  if [ -e taken ]; then rm taken; echo "iperf3: error - Address already in use" >&2; exit 1; fi
  echo "$$" >>servers; echo "Server listening on 1"; exec sleep 1000;;
*) cat client.json 2>/dev/null || cat "{RECORDED}";;
esac""",
    "ip": "cat ip.json",
}


def guest(host: str, number: int, **nics: str) -> dict[str, Any]:
    """NICs by name on a network; those of the LAN have an address."""
    return {
        "host": host,
        "memory_mib": 256,
        "disks": {"root": {"pool": "guests", "image": "debian", "size_gib": 1}},
        "nics": {
            name: {"network": network}
            | ({"address": f"10.9.0.{number}/24"} if network == "lan" else {})
            for name, network in nics.items()
        },
        "cloud_init": LOGIN,
    }


def host(number: int) -> dict[str, Any]:
    return {
        "address": f"192.0.2.{number}",
        "memory_mib": 4096,
        "host_keys": [KEY],
        "bridges": {"br0": {"nic": "eth1"}},
        "physical_functions": {"card": {"nic": "eth2", "virtual_functions": 4}},
    }


SITE: dict[str, Any] = {
    "site": "unit",
    "hosts": {"h1": host(1), "h2": host(2)},
    "pools": {"guests": {"hosts": ["h1", "h2"], "path": "/srv/guests"}},
    "images": {"debian": {"source": "debian.qcow2", "sha256": "5" * 64}},
    "networks": {
        "lan": {"kind": "bridge", "bridge": "br0"},
        "nat": {"kind": "nat", "subnet": "10.7.0.0/24"},
        "fast": {"kind": "sriov", "physical_function": "card", "hosts": ["h1"]},
    },
    "guests": {
        "web": guest("h1", 1, lan0="lan", nat0="nat", fast0="fast"),
        "db": guest("h1", 2, lan0="lan", fast0="fast"),
        "far": guest("h2", 3, lan0="lan", nat0="nat"),
        "mute": {**guest("h1", 4, lan0="lan"), "cloud_init": None},
    },
}


def site_plan(**guests: Any) -> Plan:
    """The plan, of other guests when some are given."""
    return plan(parse_site({**SITE, "guests": guests or SITE["guests"]}), "guesthouse", "unit")


def opened(**guests: Any) -> Stack:
    """The stack after an `up` that found every guest's address."""
    made = site_plan(**guests)
    told = {"address": "10.9.0.9", "ssh_host_keys": [KEY]}
    return with_outputs(made, {"guests": dict.fromkeys(made.guests, told)})


class Machines:
    """All machines of the site, played in one folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name, text in PROGRAMS.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder))
        monkeypatch.chdir(folder)
        (folder / "Pulumi.yaml").write_text("name: guesthouse\nruntime: python\n")
        self.stack = opened()
        monkeypatch.setattr(stacks, "open_stack", lambda _project, _stack: self.stack)
        parse = iperf.host().parse
        monkeypatch.setattr(iperf, "host", lambda: Question("cat host", parse))
        self.runs("web", "db", "far")
        links = [
            {"address": nic.mac, "addr_info": [{"local": f"10.8.{n}.1", "scope": "global"}]}
            for n, one in enumerate(self.stack.plan.guests.values())
            for nic in one.nics
        ]
        (folder / "ip.json").write_text(json.dumps(links))

    def runs(self, *names: str, vendor: str = "QEMU") -> None:
        """The guests that run, on every host; and whose machine the hosts are."""
        text = "\n".join([f"sys_vendor {vendor}", "guests", *names, ""])
        (self.folder / "host").write_text(text)

    @property
    def servers(self) -> list[int]:
        """Process numbers of all servers that were started."""
        return [int(word) for word in (self.folder / "servers").read_text().split()]
