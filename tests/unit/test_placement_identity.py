"""Identities never change: a value recorded here changes only with every user's guests."""

from __future__ import annotations

import ipaddress
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cases
from guesthouse.placement.identity import NAMESPACE, Identity

IDENTITY = Identity("lab-7f3a", "guesthouse", "lab")
LABEL = st.text("abcz019-", min_size=1, max_size=12)
IDENTITIES = st.builds(Identity, LABEL, LABEL, LABEL)


def test_recorded_values() -> None:
    assert str(NAMESPACE) == "6f0a2b7e-52c5-4d55-9a3e-0c4f5f6b8d21"
    assert IDENTITY.mark == "lab-7f3a/guesthouse/lab"
    assert IDENTITY.uuid("guest", "web") == "f6463ac8-ee78-5294-a1c1-2ae8f96f44d5"
    assert IDENTITY.uuid("pool", "guests") == "a443b330-1205-5699-b07a-2e8c6fd0deb0"
    assert IDENTITY.mac("web", "lan0") == "52:d1:ad:10:0c:ac"
    assert IDENTITY.bridge_name("nat") == "gh42f5cd95ccd8"


def test_twenty_thousand_nics_have_twenty_thousand_macs() -> None:
    macs = {IDENTITY.mac(f"guest-{g}", f"nic{n}") for g in range(5000) for n in range(4)}
    assert len(macs) == 20_000
    first_bytes = {int(mac[:2], 16) for mac in macs}
    assert first_bytes == {0x52}
    assert all(len(mac) == 17 and mac == mac.lower() for mac in macs)


def test_the_first_byte_is_unicast_and_local() -> None:
    first = int(IDENTITY.mac("web", "lan0")[:2], 16)
    assert first & 0b01 == 0, "multicast (IEEE 802, I/G bit)"
    assert first & 0b10 == 0b10, "not locally administered (IEEE 802, U/L bit)"


@given(IDENTITIES, LABEL, LABEL)
def test_uuids_are_of_version_5_and_depend_on_names_only(
    identity: Identity, kind: str, name: str
) -> None:
    made = uuid.UUID(identity.uuid(kind, name))
    assert (made.version, made.variant) == (5, uuid.RFC_4122)
    again = Identity(identity.site, identity.project, identity.stack)
    assert again.uuid(kind, name) == str(made)


@given(st.tuples(IDENTITIES, LABEL, LABEL), st.tuples(IDENTITIES, LABEL, LABEL))
def test_other_names_other_objects(
    one: tuple[Identity, str, str], two: tuple[Identity, str, str]
) -> None:
    assume(one != two)
    (first, *names), (second, *others) = one, two
    assert first.uuid(*names) != second.uuid(*others)
    assert first.mac(*names) != second.mac(*others)


@given(IDENTITIES, LABEL)
def test_a_bridge_name_fits_linux(identity: Identity, network: str) -> None:
    name = identity.bridge_name(network)
    assert len(name) <= 15
    assert name.isascii()
    assert name.isalnum()


@pytest.mark.parametrize("case", cases.CASES)
def test_nothing_in_a_plan_is_there_twice(case: str) -> None:
    plan = cases.site_plan(case)
    uuids = [guest.uuid for guest in plan.guests.values()]
    macs = [nic.mac for guest in plan.guests.values() for nic in guest.nics]
    paths = [(g.host, d.path) for g in plan.guests.values() for d in g.disks]
    seeds = [(g.host, g.seed_path) for g in plan.guests.values()]
    images = [(image.host, image.path) for image in plan.images]
    files = [*paths, *seeds, *images]
    for values in (uuids, macs, files):
        assert len(values) == len(set(values))


@pytest.mark.parametrize("case", cases.CASES)
def test_a_network_has_its_first_address(case: str) -> None:
    for network in cases.site_plan(case).networks:
        subnet = ipaddress.ip_network(network.subnet)
        address = ipaddress.ip_interface(network.address)
        assert address.network == subnet
        assert address.ip == next(subnet.hosts())
