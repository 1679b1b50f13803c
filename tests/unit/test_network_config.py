"""What a guest's NIC asks for: DHCP of its network's family, which libvirt answers there."""

from __future__ import annotations

import pytest
import yaml

import cases

# NIC -> (dhcp4, dhcp6). What is on a bridge is not known: asked is for IPv4, as ever.
ASKED = {
    "lan0": (True, None),
    "nat4": (True, None),
    "nat6": (False, True),
    "routed6": (False, True),
    "closed6": (False, None),
    "fixed6": (False, None),
}


@pytest.mark.parametrize("nic", ASKED)
def test_dhcp_is_asked_for_in_the_family_of_the_network(nic: str) -> None:
    text = cases.guest_documents("ipv6")["a"].seed["network-config"]
    entry = yaml.safe_load(text)["ethernets"][nic]
    assert (entry["dhcp4"], entry.get("dhcp6")) == ASKED[nic]


def test_every_nic_of_the_case_is_here() -> None:
    assert ASKED.keys() == cases.site("ipv6").guests["a"].nics.keys()


def test_a_guest_on_ipv4_alone_has_the_words_that_it_had() -> None:
    """Another word in them would be a change of every guest that exists."""
    for case in sorted({*cases.CASES} - {"ipv6"}):
        for name, document in cases.guest_documents(case).items():
            assert "dhcp6" not in document.seed.get("network-config", ""), f"{case}: {name}"
