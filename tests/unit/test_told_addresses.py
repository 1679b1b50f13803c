"""Every door by which an address or a host key of a machine comes in: nothing else comes in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import libvirt
import pytest
from ssh_attacks import ADDRESSES, ATTACKS, KEYS

import cases
from guesthouse import told
from guesthouse.cli.stack import with_outputs
from guesthouse.components.site import _told_outputs
from guesthouse.facts import host, inside, iperf, sriov
from guesthouse.provider import guest_state, sights, waiting
from guesthouse.provider.waiting import Evidence, look_addresses

MAC = "52:54:00:aa:00:01"
INPUTS: dict[str, Any] = {"nics": [{"name": "lan0", "mac": MAC.upper()}], "address": ""}
CANARY = "/nonexistent/canary"
HOSTILE = [text.replace("{canary}", CANARY) for text in ATTACKS.values()]
# No address by itself, and none that others reach.
HOSTILE += ["h1", "10.9.9", "010.9.9.9", "1", "0x7f000001", "10.9.9.9/24", "10.9.9.9.", "::1%lo"]


class Domain:
    """libvirt hands an agent's words over as they are."""

    def __init__(self, text: str) -> None:
        self.text = text

    def interfaceAddresses(self, source: int, _flags: int) -> dict[str, Any]:
        if source != libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT:
            raise libvirt.libvirtError("no")
        return {"eth0": {"hwaddr": MAC, "addrs": [{"addr": self.text, "prefix": 24}]}}


def by_waiting(text: str) -> list[str]:
    return look_addresses(cast(Any, Domain(text)), INPUTS, True).get("lan0", [])


def by_sights(text: str) -> list[str]:
    line = f" eth0 {MAC} ipv4 {text}/24"
    found = sights._addresses({"5/agent": line}, "5", INPUTS)
    return found.get("lan0", [])


def by_state(text: str) -> list[str]:
    return guest_state.told_before({"addresses": {"lan0": [text]}, "ssh_host_keys": []})[
        "addresses"
    ]["lan0"]  # type: ignore[no-any-return]


def outputs(text: str) -> dict[str, Any]:
    """What a program makes of a state that an older version wrote."""
    plan = cases.site_plan("reference")
    answers = {name: ({nic.name: [text] for nic in g.nics}, []) for name, g in plan.guests.items()}
    return _told_outputs(plan, answers)


def by_outputs(text: str) -> list[str]:
    made = outputs(text)
    return sorted(
        {a for g in made["guests"].values() for nic in g["addresses"].values() for a in nic}
    )


def by_stack(text: str) -> list[str]:
    plan = cases.site_plan("reference")
    guests = {name: {"address": text, "addresses": {"n": [text]}} for name in plan.guests}
    opened = with_outputs(plan, {"guests": guests})
    assert opened.ssh.endpoints
    return sorted({a for told_ in opened.told.values() for a in told_})


def link(text: str) -> list[dict[str, Any]]:
    item = {"local": text, "prefixlen": 24, "scope": "global"}
    return [{"ifname": "eth0", "address": MAC, "link_type": "ether", "addr_info": [item]}]


def by_iperf(text: str) -> list[str]:
    return [*iperf.guest().parse("\n" + json.dumps(link(text))).addresses[MAC]]


def by_inside(text: str) -> list[str]:
    return [a.split("/")[0] for a in inside._nics(json.dumps(link(text)))[MAC].addresses]


def by_host(text: str) -> list[str]:
    return [a.split("/")[0] for a in host._addresses(link(text)[0])]


def by_card(text: str) -> list[str]:
    words = dict.fromkeys(("pci_address", "driver", "device", "iommu_group", "total"), "")
    found = sriov._card({"nic": "eth0", **words}, [], link(text)[0])
    return [a.split("/")[0] for a in found.addresses]


DOORS: dict[str, Callable[[str], list[str]]] = {
    "agent, lease, ARP": by_waiting,
    "all guests of a host": by_sights,
    "an older state": by_state,
    "outputs": by_outputs,
    "an opened stack": by_stack,
    "measure": by_iperf,
    "verify of a guest": by_inside,
    "verify of a host": by_host,
    "verify of a card": by_card,
}


@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_address_comes_in_by_no_door(door: str) -> None:
    came_in = {text[:60]: found for text in HOSTILE if (found := let_in(door, text))}
    assert not came_in


def let_in(door: str, text: str) -> list[str]:
    """A document that is no Unicode is refused whole, as an answer that cannot be read."""
    try:
        return DOORS[door](text)
    except ValueError:
        return []


@pytest.mark.parametrize("door", DOORS)
def test_addresses_come_in(door: str) -> None:
    for text in (a for a in ADDRESSES if a != "::1"):
        assert DOORS[door](text) == [told.address(text)]


@pytest.mark.parametrize("door", [by_waiting, by_sights])
def test_nobody_is_sent_to_themselves(door: Callable[[str], list[str]]) -> None:
    own = (
        "127.0.0.1",
        "::1",
        "0.0.0.0",  # noqa: S104
        "::",
        "::ffff:127.0.0.1",
        "fe80::1",
        "ff02::1",
        "224.0.0.1",
    )
    assert [text for text in own if door(text)] == []


def test_a_state_of_an_older_version_ends_nothing() -> None:
    """A hostile address in it is as good as none: the program goes on, its guest has no way in."""
    made = outputs("10.9.9.9\n  ProxyCommand touch /x")
    assert "ProxyCommand" not in json.dumps(made)
    assert outputs("10.9.9.9")["ssh_config"].count("HostName 10.9.9.9\n") >= 1


@pytest.mark.parametrize("text", [*HOSTILE, "ssh-ed25519", 'ssh-ed25519 A"A', "ssh-ed25519 A%sA"])
def test_what_is_no_host_key_is_none(text: str) -> None:
    assert told.host_key(text) is None


def test_host_keys() -> None:
    assert told.host_keys(f"{key} a comment\n" for key in KEYS) == [*KEYS]


def test_what_is_left_out_is_said() -> None:
    evidence = Evidence(agent=True)
    bad = Domain("10.9.9.9\n\x1b[2J" + "x" * 100)
    evidence.addresses = look_addresses(cast(Any, bad), INPUTS, True, evidence.left_out)
    assert str(evidence) == (
        "agent answers; addresses none, left out "
        f"'10.9.9.9\\n\\x1b[2J{'x' * 38}...': no address; ssh silent"
    )


def scanning(folder: Path) -> Any:
    """A host whose ssh-keyscan writes its operands down; the shell is real."""
    program = folder / "ssh-keyscan"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >>{folder}/asked\n'
        'echo "# 10.9.9.9:22 SSH-2.0-x"\necho "10.9.9.9 ssh-ed25519 AAAA"\n'
        'echo "10.9.9.9 $(id) x"\n'
    )
    program.chmod(0o755)

    def run(command: str) -> str:
        argv = ["env", f"PATH={folder}:/usr/bin:/bin", "sh", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    return SimpleNamespace(run=run)


def test_only_an_address_is_an_operand_of_ssh_keyscan(tmp_path: Path) -> None:
    found = scanning(tmp_path)
    for text in HOSTILE:
        assert waiting._scan(found, INPUTS, Evidence(addresses={"lan0": [text]})) == []
    assert not (tmp_path / "asked").exists()
    evidence = Evidence(addresses={"lan0": ["10.9.9.9"]})
    assert waiting._scan(found, INPUTS, evidence) == ["ssh-ed25519 AAAA"]
    assert (tmp_path / "asked").read_text() == "-T 3 -t ed25519,ecdsa -- 10.9.9.9\n"


def test_the_scanner_takes_the_dashes() -> None:
    """The real one: nobody listens there, which is not a mistake of its command line."""
    command = ["ssh-keyscan", "-T", "1", "-p", "1", "--", "127.0.0.1"]
    assert "usage" not in subprocess.run(command, capture_output=True, text=True).stderr
