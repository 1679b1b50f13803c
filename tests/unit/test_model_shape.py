"""What is said about values of a wrong shape: every message as a whole."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from guesthouse.errors import SiteError
from guesthouse.model import Site, parse_site
from guesthouse.model.forms import _FORMS
from guesthouse.model.shape import did_you_mean

BASE: dict[str, Any] = {
    "site": "t",
    "hosts": {"h": {"address": "192.0.2.1", "host_keys": ["ssh-ed25519 AAAA"], "bridges": {}}},
    "pools": {"p": {"hosts": ["h"], "path": "/p"}},
    "images": {"i": {"source": "i", "sha256": "0" * 64}},
    "networks": {"n": {"kind": "nat", "subnet": "10.0.0.0/24"}},
    "guests": {
        "g": {
            "host": "h",
            "memory_mib": "64",
            "disks": {"root": {"pool": "p", "image": "i", "size_gib": "1"}},
            "nics": {"n0": {"network": "n"}},
            "cloud_init": {"users": {"u": {}}},
        }
    },
}

CASES: list[tuple[str, Any, str]] = [
    ("site", None, "site: is required"),
    (
        "site",
        "Lab",
        "site: does not have the right form, got 'Lab', allowed a-z, 0-9 and '-', up to 63",
    ),
    ("hosts", {}, "hosts: is empty, allowed at least 1"),
    ("hosts", "h", "hosts: not a mapping, got 'h'"),
    (
        "gests",
        {},
        "gests: unknown key, allowed "
        "'allow', 'devices', 'guests', 'hosts', 'images', 'lab', 'networks', 'pools', 'site'\n"
        "  hint: did you mean 'guests'?",
    ),
    (
        "pools.P",
        {},
        "pools.P: does not have the right form, got 'P', "
        "allowed a-z, 0-9 and inner '-', up to 63\n"
        "pools.P.hosts: is required\npools.P.path: is required",
    ),
    ("hosts.h.port", "ssh", "hosts.h.port: not a whole number, got 'ssh'"),
    ("hosts.h.port", "0", "hosts.h.port: is too small, got '0', allowed at least 1"),
    ("hosts.h.port", "65536", "hosts.h.port: is too big, got '65536', allowed at most 65535"),
    (
        "hosts.h.maintenance",
        "maybe",
        "hosts.h.maintenance: not true or false, got 'maybe', allowed true, false",
    ),
    (
        "hosts.h.bridges",
        {"br0/1": {}},
        "hosts.h.bridges.br0/1: does not have the right form, "
        "got 'br0/1', allowed an interface name of up to 15 letters, as br0",
    ),
    (
        "hosts.h.bridges",
        {"br0": {"address": "10.0.0.1"}},
        "hosts.h.bridges.br0.address: "
        "the prefix length is missing (as in 10.90.0.11/24), got '10.0.0.1'",
    ),
    ("pools.p.hosts", "h", "pools.p.hosts: not a list, got 'h'"),
    ("pools.p.hosts", [], "pools.p.hosts: is empty, allowed at least 1"),
    (
        "pools.p.path",
        "p",
        "pools.p.path: does not have the right form, got 'p', allowed an absolute path",
    ),
    ("pools.p.kind", "zfs", "pools.p.kind: unknown value, got 'zfs', allowed 'dir'"),
    (
        "images.i.sha256",
        "12ab",
        "images.i.sha256: does not have the right form, got '12ab', allowed 64 hexadecimal digits",
    ),
    ("images.i.source", "", "images.i.source: is empty"),
    (
        "networks.n",
        {},
        "networks.n.kind: is required, allowed 'bridge', 'nat', 'routed', 'isolated', 'sriov'",
    ),
    (
        "networks.n.kind",
        "nta",
        "networks.n.kind: unknown kind, got 'nta', allowed 'bridge', 'nat', 'routed', "
        "'isolated', 'sriov'",
    ),
    (
        "networks.n.bridge",
        "br0",
        "networks.n.bridge: unknown key, "
        "allowed 'allow', 'dhcp', 'dhcp_range', 'existing', 'hosts', 'kind', 'subnet'",
    ),
    (
        "networks.n.dhcp_range",
        {"start": "10.0.0.2"},
        "networks.n.dhcp_range.end: is required",
    ),
    (
        "networks.n.allow",
        ["restart"],
        "networks.n.allow.0: unknown value, got 'restart', allowed 'link_loss'",
    ),
    (
        "hosts.h.bridges",
        {"br0": {"nic": "eth0", "vlan": "4095"}},
        "hosts.h.bridges.br0.vlan: is too big, got '4095', allowed at most 4094",
    ),
    ("networks.n.subnet", "10.0.0.5/24", "networks.n.subnet: has host bits set, got '10.0.0.5/24'"),
    (
        "networks.n.subnet",
        "10.0.0.0/31",
        "networks.n.subnet: the subnet has no room for a gateway and a guest, got '10.0.0.0/31'",
    ),
    ("guests.g", "web", "guests.g: not a mapping, got 'web'"),
    ("guests.g.memory_mib", "512MiB", "guests.g.memory_mib: not a whole number, got '512MiB'"),
    ("guests.g.memory_mib", None, "guests.g.memory_mib: is required"),
    ("guests.g.disks", {}, "guests.g.disks: is empty, allowed at least 1"),
    (
        "guests.g.nics.n0",
        {"netwrok": "n"},
        "guests.g.nics.n0.netwrok: unknown key, "
        "allowed 'address', 'gateway', 'mac', 'max_rx_mbps', 'max_tx_mbps', 'nameservers', "
        "'network', 'vlan'\n"
        "  hint: did you mean 'network'?",
    ),
    (
        "guests.g.nics.n0.address",
        "10.0.0.300/24",
        "guests.g.nics.n0.address: "
        "does not appear to be an IPv4 or IPv6 interface, got '10.0.0.300/24'",
    ),
    (
        "guests.g.nics.n0.address",
        "10.0.0.255/24",
        "guests.g.nics.n0.address: "
        "that is the network's own address, not a machine's, got '10.0.0.255/24'",
    ),
    (
        "guests.g.nics.n0.mac",
        "53:54:00:00:00:01",
        "guests.g.nics.n0.mac: that is a multicast MAC address, got '53:54:00:00:00:01'",
    ),
    (
        "guests.g.nics.n0.mac",
        "fe:54:00:00:00:01",
        "guests.g.nics.n0.mac: "
        "libvirt keeps MAC addresses that begin with fe for itself, got 'fe:54:00:00:00:01'",
    ),
    ("guests.g.nics.n0.gateway", {}, "guests.g.nics.n0.gateway: not a text, got a mapping"),
    (
        "guests.g.cloud_init.runcmd",
        ["a", ["b"]],
        "guests.g.cloud_init.runcmd.1: not a text, got a list",
    ),
    (
        "guests.g.cloud_init.users.u.password",
        "hunter2",
        "guests.g.cloud_init.users.u.password: "
        "not a mapping\n  hint: write {secret: NAME}; its value: "
        ". ./env.sh && pulumi config set --secret -s STACK NAME",
    ),
    (
        "guests.g.cloud_init.users.u.ssh_keys",
        ["-----BEGIN OPENSSH PRIVATE KEY-----"],
        "guests.g.cloud_init.users.u.ssh_keys.0.key: does not have the right form, "
        "allowed an ssh public key, as 'ssh-ed25519 AAAA... comment'",
    ),
    ("guests.g.description", "x" * 200 + "\n", ""),
    (
        "guests.g.host",
        "x" * 200,
        "guests.g.host: does not have the right form, got '"
        + "x" * 79
        + "..., allowed a-z, 0-9 and inner '-', up to 63",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), CASES, ids=lambda v: str(v)[:50])
def test_messages(path: str, value: Any, expected: str) -> None:
    raw = copy.deepcopy(BASE)
    node = raw
    *parents, last = path.split(".")
    for part in parents:
        node = node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    try:
        parse_site(raw)
        found = ""
    except SiteError as error:
        found = str(error)
    assert found == expected


def test_every_pattern_has_words() -> None:
    """An annotated pattern that nobody explained would reach the user as a regular expression."""
    schema = json.dumps(Site.model_json_schema())
    patterns = {
        json.loads(found) for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema)
    }
    keys = {
        json.loads(found)
        for found in re.findall(r'"patternProperties": \{("(?:[^"\\]|\\.)*")', schema)
    }
    assert patterns | keys == set(_FORMS)


@pytest.mark.parametrize(
    ("word", "hint"), [("lna", "did you mean 'lan'?"), ("vff", "did you mean 'vf'?"), ("zzz", "")]
)
def test_did_you_mean(word: str, hint: str) -> None:
    assert did_you_mean(word, ["nat", "lan", "vf"]) == hint
