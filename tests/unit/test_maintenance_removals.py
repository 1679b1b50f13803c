"""What a preview would remove from hosts in maintenance, as its events tell."""

from __future__ import annotations

import json

import pytest
from report_case import site_plan

from guesthouse.cli.maintenance import removals
from guesthouse.placement import Plan


def told(op: str, kind: str, name: str, host: str, flag: bool | None = None) -> str:
    """A line of the event log: what becomes of a resource of a host."""
    root = "urn:pulumi:test::guesthouse::guesthouse:site:Site"
    metadata = {"op": op, "urn": f"{root}${kind}::{name}", "type": kind}
    if kind.startswith("libvirt:"):
        metadata["provider"] = f"{root}$pulumi:providers:libvirt::{host}-libvirt::0f-1"
        metadata["old"] = {"inputs": {"name": name}}
    else:
        connection = {"name": host} if flag is None else {"name": host, "maintenance": flag}
        metadata["old"] = {"inputs": {"connection": connection}}
    return json.dumps({"resourcePreEvent": {"metadata": metadata}})


def flagged(flag: bool) -> Plan:
    plan = site_plan("permitted")
    for host in plan.hosts.values():
        object.__setattr__(host, "host", host.host.model_copy(update={"maintenance": flag}))
    return plan


GUEST, POOL, HOST = "guesthouse:index:Guest", "libvirt:index/pool:Pool", "guesthouse:index:Host"
# Is it declared so -> event -> is it refused.
CASES = [
    (True, told("delete", GUEST, "x", "t1", False), True),
    (False, told("delete", GUEST, "x", "t1", True), False),
    (True, told("delete", POOL, "x", "t1"), True),
    (False, told("delete", POOL, "x", "t1"), False),
    (True, told("replace", POOL, "x", "t1"), True),
    (True, told("same", POOL, "x", "t1"), False),
    (True, told("update", GUEST, "x", "t1", True), False),
    (False, told("delete", HOST, "x", "gone", True), True),
    (False, told("delete", HOST, "x", "gone", False), False),
    (True, told("delete", POOL, "x", "gone"), False),
]


@pytest.mark.parametrize(("flag", "line", "refused"), CASES)
def test_what_would_be_removed_is_refused(flag: bool, line: str, refused: bool) -> None:
    found = [str(problem) for problem in removals(flagged(flag), [line])]
    host = "gone" if '"gone"' in line else "t1"
    message = (
        f"x: its host '{host}' is in maintenance\n"
        f"  hint: end it by `hosts.{host}.maintenance: false`, then run the command again"
    )
    assert found == ([message] if refused else [])
