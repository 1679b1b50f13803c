"""A guest's NIC on a virtual function, and the network that hands it out: drift, changes, costs."""

from __future__ import annotations

import pytest
from test_effects import ROOM

from guesthouse.effects import (
    Room,
    domain_changes,
    network_changes,
    running_document,
    seen_document,
    seen_network,
)
from guesthouse.effects.units import is_vf, parse

MAC = "52:00:00:00:00:07"
DOCUMENT = f"""<domain type="kvm">
  <name>web</name>
  <devices>
    <interface type="network">
      <mac address="{MAC}"/>
      <source network="vf"/>
      <vlan>
        <tag id="42"/>
      </vlan>
    </interface>
  </devices>
</domain>
"""
# Written by hand after what `virsh dumpxml --inactive` and `virsh dumpxml` said on the lab.
STORED = f"""<domain type='kvm'>
  <name>web</name>
  <devices>
    <interface type='network'>
      <mac address='{MAC}'/>
      <source network='vf'/>
      <vlan>
        <tag id='42'/>
      </vlan>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </interface>
  </devices>
</domain>
"""
LIVE = f"""<domain type='kvm' id='3'>
  <name>web</name>
  <devices>
    <interface type='hostdev' managed='yes'>
      <mac address='{MAC}'/>
      <driver name='vfio'/>
      <source>
        <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2'/>
      </source>
      <vlan>
        <tag id='42'/>
      </vlan>
      <alias name='hostdev0'/>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </interface>
  </devices>
</domain>
"""
VLAN = '      <vlan>\n        <tag id="42"/>\n      </vlan>\n'


def changes(old: str, new: str, room: Room | None = ROOM) -> list[str]:
    return [str(c) for c in domain_changes(old, new, room, names={MAC: "data0"})]


def test_the_device_that_was_handed_out_is_no_drift() -> None:
    assert seen_document(DOCUMENT, STORED, LIVE) == DOCUMENT
    assert seen_document(DOCUMENT, STORED, None) == DOCUMENT
    assert running_document(DOCUMENT, LIVE) == DOCUMENT


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id="42"', 'id="43"', "NIC data0 VLAN 42 -> 43 (link_loss)"),
        (VLAN, "", "NIC data0 VLAN 42 -> none (link_loss)"),
        ('network="vf"', 'network="wan"', "NIC data0 network vf -> wan (link_loss)"),
        (VLAN, f'{VLAN}      <boot order="1"/>\n', "NIC data0 boot@order none -> 1 (link_loss)"),
    ],
)
def test_it_is_plugged_anew_for_whatever_changes(old: str, new: str, message: str) -> None:
    edited = DOCUMENT.replace(old, new)
    assert edited != DOCUMENT
    assert changes(DOCUMENT, edited) == [message]
    assert changes(DOCUMENT, edited, None) == [message.replace("link_loss", "none")]


def test_another_vlan_of_what_runs_or_is_stored_is_drift() -> None:
    for stored, live in (
        (STORED, LIVE.replace("'42'", "'43'")),
        (STORED.replace("42", "43"), LIVE),
    ):
        seen = seen_document(DOCUMENT, stored, live)
        assert changes(seen, DOCUMENT) == ["NIC data0 VLAN 43 -> 42 (link_loss)"]
    # What the running guest has already needs only to be stored.
    wanted, live = DOCUMENT.replace("42", "43"), LIVE.replace("'42'", "'43'")
    (change,) = domain_changes(DOCUMENT, wanted, ROOM, running_document(wanted, live))
    assert str(change) == f"NIC {MAC} VLAN 42 -> 43 (none)"


def test_one_that_was_pulled_out_comes_back_live() -> None:
    start, end = LIVE.index("    <interface"), LIVE.index("  </devices>")
    seen = seen_document(DOCUMENT, STORED, LIVE[:start] + LIVE[end:])
    assert changes(seen, DOCUMENT) == ["NIC data0 added (live)"]


def test_a_card_given_to_the_guest_by_hand_is_drift() -> None:
    by_hand = LIVE.replace(MAC, "52:00:00:00:00:09")
    interface = by_hand[by_hand.index("    <interface") : by_hand.index("  </devices>")]
    live = LIVE.replace("  </devices>", f"{interface}  </devices>")
    seen = seen_document(DOCUMENT, STORED, live)
    assert changes(seen, DOCUMENT) == ["NIC 52:00:00:00:00:09 removed (live)"]


def test_between_a_card_and_a_bridge_the_model_changes() -> None:
    bridge = DOCUMENT.replace('type="network"', 'type="bridge"').replace(
        '<source network="vf"/>', '<source bridge="br0"/>\n      <model type="virtio"/>'
    )
    bridge = bridge.replace(VLAN, "")
    assert [is_vf(parse(text).find("devices/interface")) for text in (DOCUMENT, bridge)] == [
        True,
        False,
    ]
    assert changes(DOCUMENT, bridge) == [
        "NIC data0 network none -> br0 (live)",
        "NIC data0 model@type none -> virtio (restart)",
        "NIC data0 vlan/tag@id 42 -> none (restart)",
    ]
    assert changes(bridge, DOCUMENT) == [
        "NIC data0 network none -> vf (live)",
        "NIC data0 vlan/tag@id none -> 42 (restart)",
        "NIC data0 model@type virtio -> none (restart)",
    ]


def place(number: int) -> str:
    parts = ("domain", "bus", "slot", "function")
    holes = " ".join(f'{part}="@VF{number}:{part}@"' for part in parts)
    return f'    <address type="pci" {holes}/>\n'


def network(*numbers: int) -> str:
    places = "".join(map(place, numbers))
    return (
        "<network>\n  <name>vf</name>\n  <uuid>5</uuid>\n"
        f'  <forward mode="hostdev" managed="yes">\n    <driver name="vfio"/>\n{places}'
        "  </forward>\n</network>\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (network(1, 2), network(1, 2, 3), "virtual functions 1, 2 -> 1, 2, 3 (link_loss)"),
        (network(1, 2), network(2), "virtual functions 1, 2 -> 2 (link_loss)"),
        (network(), network(1), "virtual functions none -> 1 (link_loss)"),
        # One of another card, by hand.
        (
            network(1).replace(
                place(1).strip(),
                place(1).strip() + '<address type="pci" domain="0x0000" bus="0x05" '
                'slot="0x10" function="0x1"/>',
            ),
            network(1),
            "virtual functions 1, 0x0000 0x05 0x10 0x1 -> 1 (link_loss)",
        ),
        (
            network(1).replace('"hostdev"', '"nat"'),
            network(1),
            "kind nat -> sriov (link_loss)",
        ),
    ],
)
def test_a_network_says_which_ones_it_hands_out(old: str, new: str, message: str) -> None:
    assert [str(change) for change in network_changes(old, new)] == [message]


def test_who_is_plugged_in_is_no_drift() -> None:
    told = network(1, 2).replace("<network>", "<network connections='2'>")
    told = told.replace('@"/>', "@\" connections='1'/>")
    assert told.count("connections='1'") == 2
    assert seen_network(network(1, 2), told) == network(1, 2)
