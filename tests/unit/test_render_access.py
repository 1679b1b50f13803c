"""The ssh config is read by ssh itself, so ssh says whether it means what we meant."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

import cases
from guesthouse import render, ssh_config
from guesthouse.render import Machine


def ssh_reads(config: Path, name: str) -> dict[str, str]:
    """``ssh -G``: the options that ssh would use for a host (last one of a repeated option)."""
    done = subprocess.run(
        ["ssh", "-G", "-F", str(config), name], capture_output=True, text=True, check=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def machine(**fields: object) -> Machine:
    """A host that answers on loopback, with what a test wants to be different."""
    base: dict[str, object] = {
        "name": "h1",
        "address": "127.0.0.1",
        "port": 22,
        "user": "root",
        "identity_file": "",
        "host_keys": (),
        "via": "",
        "is_guest": False,
    }
    return Machine(**(base | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", ["everything", "reference"])
def test_ssh_reads_what_we_meant(case: str, tmp_path: Path) -> None:
    plan = cases.site_plan(case)
    found = render.machines(plan, {"db": "10.77.0.52"}, {})
    config = tmp_path / "ssh_config"
    config.write_text(render.ssh_config(plan.identity.mark, found))
    assert found
    for item in found:
        seen = ssh_reads(config, item.name)
        assert (seen["hostname"], int(seen["port"])) == (item.address, item.port)
        assert (seen["user"], seen["hostkeyalias"]) == (item.user, item.name)
        assert seen["stricthostkeychecking"] == "true"
        assert seen.get("proxyjump", "") == item.via
        if item.identity_file:
            assert seen["identityfile"] == item.identity_file


def test_guests_without_address_login_or_ssh_are_left_out() -> None:
    plan = cases.site_plan("everything")
    assert [m.name for m in render.machines(plan, {}, {})] == ["h1", "h2", "one", "two"]
    assert render.machines(cases.site_plan("memory"), {"b": "192.168.122.2"}, {}) == ()


@pytest.mark.parametrize("name", ["id", "id with blanks", "100% id", "it's", "ü#=,"])
def test_ssh_reads_an_identity_file_of_any_name(name: str, tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text(render.ssh_config("a/b/c", [machine(identity_file=f"/keys/{name}")]))
    # Some versions print the escaped percent sign as it is in the file.
    assert ssh_reads(config, "h1")["identityfile"].replace("%%", "%") == f"/keys/{name}"


def test_an_identity_file_is_one_quoted_word() -> None:
    assert ssh_config.path("/a b/c/100%h") == '"/a b/c/100%%h"'


def test_the_pinned_keys_are_what_ssh_is_told(tmp_path: Path) -> None:
    """Run the command that ssh runs to know a host's keys."""
    keys = ("ssh-ed25519 AAAA+/=", "ecdsa-sha2-nistp256 BBBB")
    config = tmp_path / "ssh_config"
    config.write_text(render.ssh_config("a/b/c", [machine(host_keys=keys)]))
    seen = ssh_reads(config, "h1")
    command = shlex.split(seen["knownhostscommand"])
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "h1 ssh-ed25519 AAAA+/=\nh1 ecdsa-sha2-nistp256 BBBB\n"
    assert seen["userknownhostsfile"] == seen["globalknownhostsfile"] == "/dev/null"


def test_the_inventory_names_machines_by_kind() -> None:
    found = [machine(), machine(name="web", user="admin", via="h1", is_guest=True)]
    assert render.ansible_inventory(found) == {
        "all": {
            "children": {
                "hypervisors": {"hosts": {"h1": {"ansible_user": "root"}}},
                "guests": {"hosts": {"web": {"ansible_user": "admin"}}},
            }
        }
    }
    assert render.testinfra_hosts(found) == ["ssh://h1", "ssh://web"]
