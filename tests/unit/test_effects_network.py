"""Network documents and bridges: what was seen in our words, what changed, what it costs."""

from __future__ import annotations

import pytest

from guesthouse.effects import bridge_changes, network_changes, section_updates, seen_network
from guesthouse.effects.network import Section, SectionUpdate
from guesthouse.effects.units import parse, serialise

RANGE = '<range start="10.7.0.2" end="10.7.0.254"/>'
BASE = f"""<network>
  <name>nat</name>
  <uuid>5</uuid>
  <forward mode="nat"/>
  <bridge name="gh1" stp="on" delay="0"/>
  <mac address="52:00:00:00:00:01"/>
  <ip address="10.7.0.1" prefix="24">
    <dhcp>
      {RANGE}
    </dhcp>
  </ip>
</network>
"""
# As libvirt 11.3 tells it of a running network with a guest on it.
RUNNING = (
    BASE.replace('"', "'")
    .replace("<network>", "<network connections='1'>")
    .replace(
        "<forward mode='nat'/>",
        "<forward mode='nat'><nat><port start='1024' end='65535'/></nat></forward>",
    )
    .replace("<ip address", "<ip family='ipv4' address")
)
OTHER = '<range start="10.7.0.100" end="10.7.0.150"/>'
HOST = '<host mac="52:00:00:00:00:09" name="web" ip="10.7.0.9"/>'

CASES = [
    ((RANGE, OTHER), ["dhcp range 10.7.0.2-10.7.0.254 -> 10.7.0.100-10.7.0.150 (live)"]),
    (
        (f"<dhcp>\n      {RANGE}\n    </dhcp>", ""),
        ["dhcp range 10.7.0.2-10.7.0.254 -> none (live)"],
    ),
    ((RANGE, RANGE + HOST), ["dhcp host none -> 52:00:00:00:00:09 web 10.7.0.9 (live)"]),
    (
        ("  <ip", '  <dns><host ip="10.7.0.9"><hostname>x</hostname></host></dns>  <ip'),
        ["dns host none -> 10.7.0.9 x (live)"],
    ),
    (("10.7.0.1", "10.8.0.1"), ["address 10.7.0.1/24 -> 10.8.0.1/24 (link_loss)"]),
    (('prefix="24"', 'prefix="16"'), ["address 10.7.0.1/24 -> 10.7.0.1/16 (link_loss)"]),
    (('mode="nat"', 'mode="route"'), ["kind nat -> routed (link_loss)"]),
    (('<forward mode="nat"/>', ""), ["kind nat -> isolated (link_loss)"]),
    (('"gh1"', '"gh2"'), ["bridge gh1 -> gh2 (link_loss)"]),
    (('stp="on"', 'stp="off"'), ["bridge@stp on -> off (link_loss)"]),
    (("</name>", '</name><mtu size="1400"/>'), ["mtu@size none -> 1400 (link_loss)"]),
]


@pytest.mark.parametrize(("edit", "expected"), CASES, ids=[c[1][0] for c in CASES])
def test_a_change_and_its_cost(edit: tuple[str, str], expected: list[str]) -> None:
    new = BASE.replace(*edit, 1)
    assert new != BASE
    assert [str(change) for change in network_changes(BASE, new)] == expected


def test_a_second_address_needs_a_bounce() -> None:
    second = '<ip family="ipv6" address="2001:db8::1" prefix="64"/>'
    found = network_changes(BASE, BASE.replace("</network>", f"{second}</network>"))
    assert {change.effect.value for change in found} == {"link_loss"}
    assert "address 2 none -> 2001:db8::1/64 (link_loss)" in map(str, found)


def test_what_libvirt_adds_is_no_change() -> None:
    assert seen_network(BASE, RUNNING) == BASE
    assert network_changes(seen_network(BASE, RUNNING), BASE) == []


def test_what_somebody_else_added_is_seen() -> None:
    by_hand = RUNNING.replace("</dhcp>", f"{HOST}</dhcp>")
    seen = seen_network(BASE, by_hand)
    assert HOST in seen
    assert [str(change) for change in network_changes(seen, BASE)] == [
        "dhcp host 52:00:00:00:00:09 web 10.7.0.9 -> none (live)"
    ]
    ports = seen_network(BASE, RUNNING.replace("1024", "2000"))
    assert [str(change) for change in network_changes(ports, BASE)] == [
        "forward/nat/port@start 2000 -> none (link_loss)",
        "forward/nat/port@end 65535 -> none (link_loss)",
    ]


IPV6 = BASE.replace('<forward mode="nat"/>', '<forward mode="nat"><nat ipv6="yes"/></forward>')
IPV6 = serialise(
    parse(IPV6.replace('<ip address="10.7.0.1"', '<ip family="ipv6" address="fd00::1"'))
)
IPV6_BEFORE = serialise(parse(IPV6.replace('<nat ipv6="yes"/>', "")))
PORTS = '<port start="1024" end="65535"/>'
# What libvirt tells in <forward> of a network -> the changes that lead to the IPv6 NAT.
FORWARDS = {
    f'<nat ipv6="yes">{PORTS}</nat>': [],
    '<nat ipv6="yes"/>': [],
    f"<nat>{PORTS}</nat>": ["IPv6 NAT none -> yes (link_loss)"],
    "<nat/>": ["IPv6 NAT none -> yes (link_loss)"],
    "": ["IPv6 NAT none -> yes (link_loss)"],
    f'<nat ipv6="yes">{PORTS.replace("1024", "2000")}</nat>': [
        "forward/nat/port@start 2000 -> none (link_loss)",
        "forward/nat/port@end 65535 -> none (link_loss)",
    ],
}


@pytest.mark.parametrize("told", FORWARDS)
def test_the_ports_that_libvirt_adds_to_ipv6_nat_are_no_change(told: str) -> None:
    seen = seen_network(IPV6, IPV6.replace('<nat ipv6="yes"/>', told))
    assert [str(change) for change in network_changes(seen, IPV6)] == FORWARDS[told]


def test_ports_that_are_declared_stay() -> None:
    declared = BASE.replace('"nat"/>', f'"nat"><nat>{PORTS}</nat></forward>')
    declared = serialise(parse(declared))
    assert network_changes(seen_network(declared, declared), declared) == []


def test_ipv6_nat_that_somebody_turned_on_is_seen() -> None:
    seen = seen_network(IPV6_BEFORE, IPV6.replace('"yes"/>', f'"yes">{PORTS}</nat>'))
    assert [str(change) for change in network_changes(seen, IPV6_BEFORE)] == [
        "IPv6 NAT yes -> none (link_loss)"
    ]


def test_the_new_range_comes_before_the_old_one_goes_a_host_after() -> None:
    other_host = HOST.replace("10.7.0.9", "10.7.0.10")
    old, new = BASE.replace(RANGE, RANGE + HOST), BASE.replace(RANGE, OTHER + other_host)
    assert section_updates(old, new) == [
        SectionUpdate(True, Section("ip-dhcp-range", 0, OTHER)),
        SectionUpdate(False, Section("ip-dhcp-range", 0, RANGE)),
        SectionUpdate(False, Section("ip-dhcp-host", 0, HOST)),
        SectionUpdate(True, Section("ip-dhcp-host", 0, other_host)),
    ]
    assert section_updates(new, new) == []


def test_bridges_are_changed_under_their_guests() -> None:
    old = {
        "br0": {"nic": "eth1", "address": "", "vlan": 42, "uplink": "eth1.42"},
        "br1": {"nic": "eth1", "address": "10.9.0.1/24"},
        "br2": {"nic": "", "address": ""},
    }
    new = {
        "br0": {"nic": "eth1", "address": "", "vlan": 43, "uplink": "eth1.43"},
        "br1": {"nic": "eth1", "address": "", "vlan": 44, "uplink": "eth1.44"},
        "br3": {"nic": "eth2", "address": ""},
    }
    assert [str(change) for change in bridge_changes(old, new)] == [
        "bridge br0 vlan 42 -> 43 (live: guests keep their link, traffic of the old VLAN ends)",
        "bridge br1 vlan none -> 44 (live: guests keep their link, traffic of the old VLAN ends)",
        "bridge br1 address 10.9.0.1/24 -> none (live: guests keep their link)",
    ]
    assert bridge_changes(new, new) == []
