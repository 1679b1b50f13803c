"""How bridges are brought to another NIC or VLAN: the shell lines, and what is refused before."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from guesthouse.errors import RefusedError
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import bridges

NIC = {"nic": "eth1", "address": ""}


def tagged(vlan: int) -> dict[str, Any]:
    return NIC | {"vlan": vlan, "uplink": f"eth1.{vlan}"}


def link(name: str, master: str = "", vlan: int = 0, **more: Any) -> dict[str, Any]:
    """A link as `ip -j -d address show` tells it."""
    made: dict[str, Any] = {"ifname": name, "flags": ["UP"], "addr_info": [], **more}
    if master:
        made["master"] = master
    if vlan:
        made |= {"link": "eth1", "linkinfo": {"info_kind": "vlan", "info_data": {"id": vlan}}}
    return made


def address(text: str) -> dict[str, Any]:
    local, _, length = text.partition("/")
    return {"local": local, "prefixlen": int(length), "scope": "global"}


def host(*links: dict[str, Any], session: str = "") -> HostConnection:
    """A host that answers what `ip` would say, and where the ssh session came in."""
    bridge = {"info_kind": "bridge"}
    told = json.dumps([{**link("br0", linkinfo=bridge)}, *links])

    def run(command: str) -> str:
        return f"{session}\n{told}" if "SSH_CONNECTION" in command else told

    return cast(HostConnection, SimpleNamespace(name="h1", run=run))


@pytest.mark.parametrize(
    ("links", "wanted", "seen"),
    [
        ((link("eth1", "br0"), link("vnet0", "br0")), NIC, NIC),
        ((link("eth1"), link("eth1.42", "br0", 42)), tagged(42), tagged(42)),
        # Another VLAN, one too many, the NIC itself, none at all.
        ((link("eth1.43", "br0", 43),), tagged(42), tagged(43)),
        ((link("eth1.42", "br0", 42), link("eth1.43", "br0", 43)), tagged(42), tagged(43)),
        ((link("eth1", "br0"),), tagged(42), NIC | {"vlan": 0, "uplink": "eth1"}),
        ((link("eth1.42", vlan=42),), tagged(42), tagged(42) | {"nic": "", "uplink": ""}),
        ((link("eth1", "br0"), link("eth1.42", "br0", 42)), NIC, tagged(42)),
    ],
)
def test_a_bridge_is_seen_in_the_words_of_its_inputs(
    links: tuple[dict[str, Any], ...], wanted: dict[str, Any], seen: dict[str, Any]
) -> None:
    assert bridges.seen_bridges(host(*links), {"br0": wanted}) == {"br0": seen}


def lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What runs for a change of the file's bridges, short."""
    found = [*bridges.unplug(old, new), *bridges.commands(new, old, files_changed=True)]
    return [line.rpartition("|| ")[2] for line in found]


def test_another_vlan_leaves_the_bridge_alone() -> None:
    assert lines({"br0": tagged(42)}, {"br0": tagged(43)}) == [
        "ip link delete dev eth1.42",
        "networkctl reload",
        "ip link delete dev eth1.42",
        "networkctl reconfigure br0",
        "networkctl reconfigure eth1",
        "networkctl reconfigure eth1.43",
    ]


def test_a_nic_leaves_the_bridge_before_its_vlan_comes() -> None:
    assert lines({"br0": NIC}, {"br0": tagged(42)})[:2] == [
        "ip link set dev eth1 nomaster",
        "networkctl reload",
    ]


def test_the_vlan_of_another_bridge_is_kept() -> None:
    old = {"br0": tagged(42), "br1": tagged(43)}
    assert list(bridges.unplug(old, {"br0": tagged(42), "br1": tagged(43)})) == []
    assert [x.rpartition("|| ")[2] for x in bridges.unplug(old, {"br0": tagged(42)})] == [
        "ip link delete dev br1",
        "ip link delete dev eth1.43",
    ]


def test_a_bridge_as_declared_is_not_touched() -> None:
    same = {"br0": tagged(42), "br1": NIC}
    assert list(bridges.commands(same, same, files_changed=False)) == []


SESSION = "192.0.2.9 40000 192.0.2.1 22"
OWN = {"addr_info": [address("192.0.2.1/24")]}


def test_the_nic_that_we_come_in_by_is_refused() -> None:
    by_nic = host(link("eth1", **OWN), session=SESSION)
    with pytest.raises(RefusedError) as refused:
        bridges.refuse_cut_off(by_nic, {}, {"br0": tagged(42)})
    assert str(refused.value) == (
        "host h1 bridge br0: its NIC has the address that the host is reached by (192.0.2.1/24)\n"
        "  hint: take another NIC, or let the bridge have the address: "
        "hosts.h1.bridges.br0.address: 192.0.2.1/24"
    )
    bridges.refuse_cut_off(by_nic, {}, {"br0": {"nic": "eth1", "address": "192.0.2.1/24"}})
    bridges.refuse_cut_off(by_nic, {}, {"br0": {"nic": "eth2", "address": ""}})


def test_the_bridge_that_we_come_in_by_keeps_its_wire() -> None:
    by_bridge = host(link("br0", **OWN), session=SESSION)
    old = {"br0": {"nic": "eth1", "address": "192.0.2.1/24"}}
    with pytest.raises(RefusedError, match=r"carries the address that the host is reached by"):
        bridges.refuse_cut_off(by_bridge, old, {"br0": tagged(42) | {"address": "192.0.2.1/24"}})
    bridges.refuse_cut_off(by_bridge, old, old)
