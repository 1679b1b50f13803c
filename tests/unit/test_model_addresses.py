"""What addresses, MACs and subnets of a site must be: every message as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from test_rules import changed

from guesthouse.model import rules

LONG = {"start": "10.77.0.10", "end": "10.77.0.20"}

CASES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"guests__b__nics__n1__address": "10.78.0.2/24"},
        [
            "guests.b.nics.n1.address: is outside the subnet of network 'nat', "
            "got '10.78.0.2/24', allowed 10.77.0.0/24"
        ],
    ),
    (
        {"guests__b__nics__n1__address": "2001:db8::5/64"},
        [
            "guests.b.nics.n1.address: is outside the subnet of network 'nat', "
            "got '2001:db8::5/64', allowed 10.77.0.0/24"
        ],
    ),
    (
        {"guests__b__nics__n1__address": "10.77.0.2/16"},
        [
            "guests.b.nics.n1.address: has another prefix length than network 'nat', "
            "got '10.77.0.2/16', allowed 10.77.0.2/24"
        ],
    ),
    (
        {"guests__b__nics__n1__address": "10.77.0.1/24"},
        [
            "guests.b.nics.n1.address: is the host's own address on network 'nat', "
            "got '10.77.0.1/24'"
        ],
    ),
    (
        {"guests__b__nics__n2__address": "2001:db8::1/64"},
        [
            "guests.b.nics.n2.address: is the host's own address on network 'six', "
            "got '2001:db8::1/64'"
        ],
    ),
    (
        {"guests__a__nics__n0__gateway": "10.91.0.1"},
        [
            "guests.a.nics.n0.gateway: is outside the subnet of the NIC's address, "
            "got '10.91.0.1', allowed 10.90.0.0/24"
        ],
    ),
    (
        {"guests__a__nics__n0__gateway": "10.90.0.11"},
        ["guests.a.nics.n0.gateway: is the NIC's own address, got '10.90.0.11'"],
    ),
    (
        {"guests__a__nics__n0__address": None},
        [
            "guests.a.nics.n0.gateway: a gateway needs an address of the NIC's own, "
            "got '10.90.0.1'\n  hint: declare 'address' too, or leave both to DHCP"
        ],
    ),
    (
        {"guests__b__nics__n0__address": "10.90.0.11/24"},
        [
            "guests.b.nics.n0.address: is already the address of guests.a.nics.n0, "
            "got '10.90.0.11/24'"
        ],
    ),
    (
        {"guests__b__nics__n0__address": "10.90.0.1/24"},
        [
            "guests.b.nics.n0.address: is already the address of hosts.h1.bridges.br0, "
            "got '10.90.0.1/24'"
        ],
    ),
    (
        {"hosts__h2__bridges__br0__address": "10.90.0.1/24"},
        [
            "hosts.h2.bridges.br0.address: is already the address of hosts.h1.bridges.br0, "
            "got '10.90.0.1/24'"
        ],
    ),
    (
        {"guests__a__nics__n9": {"network": "only1", "mac": "52:54:00:00:00:01"}},
        [
            "guests.b.nics.n0.mac: is already the MAC address of guests.a.nics.n9, "
            "got '52:54:00:00:00:01'"
        ],
    ),
    (
        {
            "networks__wide": {
                "kind": "isolated",
                "subnet": "10.77.0.128/25",
                "hosts": ["mem", "h2"],
            }
        },
        ["networks.wide.subnet: overlaps with networks.nat on host 'h2', got '10.77.0.128/25'"],
    ),
    *(
        ({"networks__nat__dhcp_range": {"start": start, "end": end}}, expected)
        for start, end, expected in (
            ("10.77.0.100", "10.77.0.199", []),
            (
                "10.77.0.2",
                "10.77.0.9",
                [
                    "guests.b.nics.n1.address: is in the DHCP range of network 'nat', "
                    "got '10.77.0.2/24', allowed outside 10.77.0.2-10.77.0.9"
                ],
            ),
            (
                "10.77.1.5",
                "2001:db8::5",
                [
                    f"networks.nat.dhcp_range.{end}: is outside the subnet of network 'nat', "
                    f"got '{value}', allowed 10.77.0.0/24"
                    for end, value in (("start", "10.77.1.5"), ("end", "2001:db8::5"))
                ],
            ),
            (
                "10.77.0.9",
                "10.77.0.8",
                [
                    "networks.nat.dhcp_range.end: comes before the start, "
                    "got '10.77.0.8', allowed from 10.77.0.9"
                ],
            ),
            (
                "10.77.0.0",
                "10.77.0.255",
                [
                    f"networks.nat.dhcp_range: holds {what}, got '10.77.0.0-10.77.0.255'"
                    for what in (
                        "the network's own address 10.77.0.0",
                        "the host's own address 10.77.0.1",
                        "the broadcast address 10.77.0.255",
                    )
                ],
            ),
        )
    ),
    (
        {"networks__nat__dhcp": False, "networks__nat__dhcp_range": LONG},
        [
            "networks.nat.dhcp_range: the network has no DHCP\n"
            "  hint: take 'dhcp: false' or 'dhcp_range' away"
        ],
    ),
    (
        {"networks__six__dhcp_range": {"start": "2001:db8::5", "end": "2001:db8::1:0"}},
        [
            "networks.six.dhcp_range.end: is too far from the start: libvirt counts in the last "
            "16 bits only, got '2001:db8::1:0'"
        ],
    ),
    (
        {"networks__nat__subnet": "10.90.0.0/24", "guests__b__nics__n1": {"network": "nat"}},
        [
            "networks.nat.subnet: overlaps with hosts.h1.bridges.br0 on host 'h1', "
            "got '10.90.0.0/24'"
        ],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CASES, ids=lambda v: "+".join(v)[:60])
def test_messages(change: dict[str, Any], expected: list[str]) -> None:
    found = rules.problems(changed(**change))
    assert [str(problem) for problem in found] == expected
    assert all(".".join(problem.path) == problem.where for problem in found)
