"""What the parts of a site must say about each other: every message as a whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from guesthouse.model import Site, parse_site, rules

KEY = "ssh-ed25519 AAAA"
SHA = "0" * 64
BASE: dict[str, Any] = {
    "site": "t",
    "hosts": {
        "h1": {
            "address": "192.0.2.1",
            "host_keys": [KEY],
            "bridges": {"br0": {"nic": "eth1", "address": "10.90.0.1/24"}, "br1": {}},
        },
        "h2": {"address": "192.0.2.2", "host_keys": [KEY], "bridges": {"br0": {}}},
        "mem": {"libvirt_uri": "test:///default"},
    },
    "pools": {"p": {"hosts": ["h1"], "path": "/srv/p"}, "q": {"hosts": ["h2"], "path": "/srv/p"}},
    "images": {"i": {"source": "i.qcow2", "sha256": SHA}},
    "networks": {
        "lan": {"kind": "bridge", "bridge": "br0"},
        "only1": {"kind": "bridge", "bridge": "br1", "hosts": ["h1"]},
        "nat": {"kind": "nat", "subnet": "10.77.0.0/24"},
        "six": {"kind": "routed", "subnet": "2001:db8::/64", "hosts": ["h1", "h2"]},
    },
    "guests": {
        "a": {
            "host": "h1",
            "memory_mib": 64,
            "disks": {"root": {"pool": "p", "image": "i", "size_gib": 1}},
            "nics": {"n0": {"network": "lan", "address": "10.90.0.11/24", "gateway": "10.90.0.1"}},
        },
        "b": {
            "host": "h2",
            "memory_mib": 64,
            "disks": {"root": {"pool": "q", "image": "i", "size_gib": 1}},
            "nics": {
                "n0": {"network": "lan", "address": "10.90.0.12/24", "mac": "52:54:00:00:00:01"},
                "n1": {"network": "nat", "address": "10.77.0.2/24"},
                "n2": {"network": "six", "address": "2001:db8::2/64", "gateway": "fe80::1"},
            },
        },
    },
}


def changed(**values: Any) -> Site:
    """BASE with values at dotted paths (``__`` for the dot, so that slashes may be in a key)."""
    raw = copy.deepcopy(BASE)
    for path, value in values.items():
        node = raw
        *parents, last = path.split("__")
        for part in parents:
            node = node.setdefault(part, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return parse_site(raw)


def texts(site: Site) -> list[str]:
    return [str(problem) for problem in rules.problems(site)]


def test_the_base_is_sound() -> None:
    assert texts(changed()) == []


CASES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"guests__a__host": "h3"},
        ["guests.a.host: unknown host, got 'h3', allowed 'h1', 'h2', 'mem'"],
    ),
    (
        {"guests__a__disks__root__pool": "zz"},
        ["guests.a.disks.root.pool: unknown pool, got 'zz', allowed 'p', 'q'"],
    ),
    (
        {"guests__a__disks__root__image": "zz"},
        ["guests.a.disks.root.image: unknown image, got 'zz', allowed 'i'"],
    ),
    (
        {"hosts__h1__acceleration": "tcg", "guests__a__cpu": "host-passthrough"},
        [
            "guests.a.cpu: host 'h1' emulates the processor (acceleration: tcg), got "
            "'host-passthrough', allowed 'host-model', 'maximum'\n"
            "  hint: none named is 'maximum' there"
        ],
    ),
    ({"hosts__h1__acceleration": "tcg", "guests__b__cpu": "host-passthrough"}, []),
    ({"hosts__h1__acceleration": "tcg", "guests__a__cpu": "host-model"}, []),
    ({"lab": {"h1": {}, "h2": {"segments": ["one", "two"]}}}, []),
    ({"lab": {"h1": {"kind": "emulated"}, "h2": {"kind": "emulated"}, "mem": {}}}, []),
    (
        {"lab": {"h1": {"kind": "emulated"}, "h3": {"segments": ["a1", "trunk", "a1"]}}},
        [
            "lab.h1.kind: emulated hosts come in pairs, got '1', allowed 2\n"
            "  hint: declare it for two hosts, whose cards are wired to each other, or for none",
            "lab.h3: unknown host, got 'h3', allowed 'h1', 'h2', 'mem'",
            "lab.h3.segments.1: each host is wired to this one anyway, got 'trunk'",
            "lab.h3.segments.2: is here twice, got 'a1'",
        ],
    ),
    (
        {"lab": {"h1": {"kind": "emulated", "segments": ["a1"]}, "h2": {"kind": "emulated"}}},
        [
            "lab.h1.segments: are for container hosts\n"
            "  hint: an emulated host has the trunk and its card"
        ],
    ),
    (
        {"hosts__mem__acceleration": "tcg"},
        [
            "hosts.mem.acceleration: a host of libvirt's test driver runs no guests, got 'tcg', "
            "allowed 'kvm'\n  hint: take 'acceleration' or 'libvirt_uri' away"
        ],
    ),
    (
        {"guests__a__disks__root__allocation": "full"},
        [
            "guests.a.disks.root.allocation: a disk with an image is thin, got 'full', "
            "allowed 'thin'\n  hint: a disk that starts from an image grows as it is written to"
        ],
    ),
    (
        {"guests__a__disks__root__io": "native"},
        [
            "guests.a.disks.root.cache: does not go with io: native, got 'none named', "
            "allowed 'none', 'directsync'\n"
            "  hint: QEMU's native I/O goes past the host's page cache"
        ],
    ),
    (
        {"guests__a__nics__n0__network": "lna"},
        [
            "guests.a.nics.n0.network: unknown network, got 'lna', "
            "allowed 'lan', 'nat', 'only1', 'six'\n  hint: did you mean 'lan'?"
        ],
    ),
    (
        {"guests__a__start_after": ["a"]},
        [
            "guests.a.start_after: guests wait for each other, got a -> a\n"
            "  hint: take one of them out"
        ],
    ),
    (
        {"guests__a__start_after": ["c"]},
        ["guests.a.start_after.0: unknown guest, got 'c', allowed 'a', 'b'"],
    ),
    (
        {"pools__p__hosts": ["h1", "h9", "h1"]},
        [
            "pools.p.hosts.1: unknown host, got 'h9', allowed 'h1', 'h2', 'mem'",
            "pools.p.hosts.2: is here twice, got 'h1'",
        ],
    ),
    (
        {"networks__nat__hosts": ["h2", "x"]},
        ["networks.nat.hosts.1: unknown host, got 'x', allowed 'h1', 'h2', 'mem'"],
    ),
    (
        {"guests__a__disks__root__pool": "q"},
        [
            "guests.a.disks.root.pool: the pool is not on host 'h1', got 'q', allowed 'p'\n"
            "  hint: add 'h1' to pools.q.hosts"
        ],
    ),
    (
        {"guests__b__nics__n0__network": "only1"},
        [
            "guests.b.nics.n0.network: the network is not on host 'h2', got 'only1', "
            "allowed 'lan', 'nat', 'six'\n  hint: add 'h2' to networks.only1.hosts"
        ],
    ),
    (
        {"hosts__h2__bridges": {}},
        [
            "guests.b.nics.n0.network: the network is not on host 'h2', got 'lan', "
            "allowed 'nat', 'six'\n  hint: declare bridge 'br0' under hosts.h2.bridges"
        ],
    ),
    (
        {"networks__new": {"kind": "bridge", "bridge": "br7"}},
        [
            "networks.new.bridge: no host declares this bridge, got 'br7', allowed 'br0', 'br1'\n"
            "  hint: declare it under 'bridges' of a host, or say networks.new.existing: true "
            "if somebody else made it"
        ],
    ),
    ({"networks__new": {"kind": "bridge", "bridge": "br7", "existing": True}}, []),
    (
        {"networks__only1__hosts": ["h1", "h2"]},
        [
            "networks.only1.hosts.1: the host declares no bridge 'br1', got 'h2'\n"
            "  hint: declare it under hosts.h2.bridges"
        ],
    ),
    (
        {"hosts__h1__address": ""},
        ["hosts.h1.address: is required\n  hint: say where the host is reached by ssh"],
    ),
    (
        {"hosts__h1__host_keys": []},
        [
            "hosts.h1.host_keys: is required\n  hint: pin the host's ssh key "
            "(on the host: cat /etc/ssh/ssh_host_ed25519_key.pub)"
        ],
    ),
    (
        {"hosts__h2__address": "192.0.2.1"},
        ["hosts.h2.address: is already the address and port of host 'h1', got '192.0.2.1:22'"],
    ),
    ({"hosts__h2__address": "192.0.2.1", "hosts__h2__port": 23}, []),
    (
        {"hosts__mem__packages": ["vim"], "hosts__mem__bridges": {"br5": {}}},
        [
            "hosts.mem.packages: a host of libvirt's test driver has no packages\n"
            "  hint: take 'packages' or 'libvirt_uri' away",
            "hosts.mem.bridges: a host of libvirt's test driver has no bridges\n"
            "  hint: take 'bridges' or 'libvirt_uri' away",
        ],
    ),
    (
        {"hosts__h1__bridges__br1__nic": "eth1"},
        ["hosts.h1.bridges.br1.nic: is already the member of bridge 'br0', got 'eth1'"],
    ),
    (
        {"hosts__h1__bridges__br1": {"vlan": 42}},
        [
            "hosts.h1.bridges.br1.vlan: a VLAN needs a NIC, got 42\n"
            "  hint: say on which NIC it is: 'nic'"
        ],
    ),
    ({"hosts__h1__bridges__br1": {"nic": "eth1", "vlan": 42}}, []),
    (
        {"hosts__h1__bridges": {b: {"nic": "eth1", "vlan": 42} for b in ("br0", "br1")}},
        ["hosts.h1.bridges.br1.vlan: is already the member of bridge 'br0', got 'eth1.42'"],
    ),
    (
        {"hosts__h1__bridges": {"br0": {"nic": "eth1", "vlan": 4}, "br1": {}, "eth1.4": {}}},
        ["hosts.h1.bridges.br0.nic: a bridge cannot be the member of a bridge, got 'eth1.4'"],
    ),
    (
        {"hosts__h1__bridges__br1__nic": "br0"},
        ["hosts.h1.bridges.br1.nic: a bridge cannot be the member of a bridge, got 'br0'"],
    ),
    (
        {
            "hosts__h1__files": {
                "/etc/systemd/network/x/../10-guesthouse-br0.netdev": {"content": ""}
            }
        },
        [
            "hosts.h1.files./etc/systemd/network/x/../10-guesthouse-br0.netdev: "
            "guesthouse writes this file itself, "
            "got '/etc/systemd/network/x/../10-guesthouse-br0.netdev'\n"
            "  hint: declare bridges under hosts.h1.bridges"
        ],
    ),
    (
        {"hosts__h1__files": {"/etc/": {"content": ""}}},
        ["hosts.h1.files./etc/: a file's path ends with its name, not with '/', got '/etc/'"],
    ),
    (
        {"pools__q": {"hosts": ["h2", "h1"], "path": "/srv/x/../p"}},
        ["pools.q.path: is already the folder of pool 'p' on host 'h1', got '/srv/x/../p'"],
    ),
    (
        {"guests__a__vcpus": 2, "guests__a__vcpus_max": 1},
        ["guests.a.vcpus_max: is less than 'vcpus', got 1, allowed at least 2"],
    ),
    (
        {"guests__a__memory_max_mib": 63},
        ["guests.a.memory_max_mib: is less than 'memory_mib', got 63, allowed at least 64"],
    ),
    (
        {"guests__a__disks__root__image": None},
        [
            "guests.a.disks: no disk has an image to boot from\n"
            "  hint: name one: guests.a.disks.root.image"
        ],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CASES, ids=lambda v: "+".join(v)[:60])
def test_messages(change: dict[str, Any], expected: list[str]) -> None:
    found = rules.problems(changed(**change))
    assert [str(problem) for problem in found] == expected
    assert all(".".join(problem.path) == problem.where for problem in found)
