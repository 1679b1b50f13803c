"""One guest out of what virsh told of a whole host."""

from __future__ import annotations

from typing import Any

import pytest
from virsh_encoded import encoded

from guesthouse.provider.sights import Sights, sight

UUID = "00000000-0000-4000-8000-000000000001"
DISK = {"pool": "p", "volume": "web.root.qcow2", "size_bytes": 1}
SEED = {"pool": "p", "volume": "web.seed.iso"}
STATE: dict[str, Any] = {
    "nics": [
        {"name": "lan0", "mac": "52:54:00:AA:00:01"},
        {"name": "nat0", "mac": "52:54:00:aa:00:02"},
    ],
    "declared": {"disks": [DISK], "seed": SEED},
}
LEASE = " vnet0      52:54:00:aa:00:02    ipv4         10.77.0.9/24"
ARP = " vnet0      52:54:00:aa:00:01    ipv4         10.90.0.11/0"
AGENT = """\
 Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 lan0       52:54:00:aa:00:01    ipv4         10.90.0.12/24
 lan0       52:54:00:aa:00:01    ipv6         fe80::1/64"""
HOST = {
    "node": "CPU model:  x86_64\nCPU(s):              2",
    f"{UUID}/info": f"Id: 1\nName: web\nUUID: {UUID}\nState: idle\nAutostart: enable",
    f"{UUID}/stored": "<domain/>",
    f"{UUID}/running": "<domain id='1'/>",
    "volume:p/web.root.qcow2": "Name: web.root.qcow2\nCapacity:       4294967296 bytes\n",
    "volume:p/web.seed.iso": "Name: web.seed.iso\nCapacity:       374784 bytes\n",
}


def seen(**more: str) -> Any:
    return sight({**HOST, **{f"{UUID}/{key}": text for key, text in more.items()}}, UUID, STATE)


def test_a_guest_is_told_whole() -> None:
    found = seen()
    assert (found.power, found.autostart) == ("running", True)
    assert (found.stored, found.live) == ("<domain/>", "<domain id='1'/>")
    assert found.volumes == {"disks": [{**DISK, "size_bytes": 4 << 30}], "seed": SEED}


@pytest.mark.parametrize(
    ("told", "addresses"),
    [
        ({}, {}),
        ({"lease": LEASE, "arp": ARP}, {"nat0": ["10.77.0.9"], "lan0": ["10.90.0.11"]}),
        ({"agent": AGENT, "lease": LEASE, "arp": ARP}, {"lan0": ["10.90.0.12"]}),
    ],
)
def test_the_agent_knows_addresses_best(
    told: dict[str, str], addresses: dict[str, list[str]]
) -> None:
    assert seen(**told).addresses == addresses


def test_one_that_is_off_has_no_running_document() -> None:
    off = HOST[f"{UUID}/info"].replace("idle", "shut off")
    found = seen(info=off, lease=LEASE)
    assert (found.power, found.live, found.addresses) == ("stopped", None, {})


@pytest.mark.parametrize("key", [*HOST])
def test_one_that_is_not_there_whole_is_looked_at_alone(key: str) -> None:
    """libvirt may go away while it is asked: an empty answer is no proof of anything."""
    assert sight({**HOST, key: ""}, UUID, STATE) is None
    assert sight({k: text for k, text in HOST.items() if k != key}, UUID, STATE) is None


class Host:
    """A host whose guests are looked at with one answer; ``web`` is one of two."""

    name, generation = "h1", 0

    def __init__(self, answers: dict[str, str]) -> None:
        self.text = "".join(encoded(mark, text) for mark, text in answers.items())

    def root(self, command: str, input: bytes | None = None) -> str:
        return self.text


OTHER = UUID.replace("1", "2")
ODD = {
    "a number": ("node", "CPU(s): many"),
    "half a document": (f"{UUID}/running", "<domain id='1'><vcpu"),
    "a document of another kind": (f"{UUID}/running", "<domain><vcpu>x</vcpu></domain>"),
    "no autostart": (f"{UUID}/info", "State: idle"),
    "an entity": (f"{UUID}/running", "<!DOCTYPE d [<!ENTITY a 'a'>]><domain>&a;"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_is_looked_at_alone(odd: str) -> None:
    both = {**HOST, **{key.replace(UUID, OTHER): text for key, text in HOST.items()}}
    mark, text = ODD[odd]
    told: Any = Host({**both, mark: text})
    right: Any = Host(both)
    assert Sights().of(right, UUID, STATE) == Sights().of(right, OTHER, STATE) == seen()
    Sights().of(told, UUID, STATE)
    assert Sights().of(told, OTHER, STATE) == (seen() if UUID in mark else None)
