"""Rules of what guests' NICs are plugged into."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered, nic_names, of_kind
from guesthouse.policy.rule import StackRule, problem


def _vlans(stack: Sequence[Registered]) -> Iterator[Problem]:
    shared = {
        str(nic["mac"]).lower(): card
        for card in of_kind(stack, "PhysicalFunction").values()
        if len(card.values["nics"]) > 1
        for nic in card.values["nics"]
    }
    for guest in of_kind(stack, "Guest").values():
        names = nic_names(guest)
        for nic in guest.domain.iterfind("devices/interface"):
            mac = nic.find("mac").get("address").lower()
            if mac in shared and nic.find("vlan") is None:
                card = shared[mac].values["name"]
                path = ("guests", guest.name, "nics", names[mac], "vlan")
                what = f"none, and others have virtual functions of the card '{card}' too"
                yield problem(path, what, "say which VLAN the virtual function is in")


def _management(stack: Sequence[Registered]) -> Iterator[Problem]:
    """Decidable for bridges that the site declares with an address, and hosts reached by one."""
    bridges = {name: _reached_by(host) for name, host in of_kind(stack, "Host").items()}
    for guest in of_kind(stack, "Guest").values():
        names = nic_names(guest)
        for nic in guest.domain.iterfind("devices/interface"):
            bridge = nic.find("source").get("bridge", "")
            if bridge in bridges.get(guest.host, ()):
                name = names[nic.find("mac").get("address").lower()]
                path = ("guests", guest.name, "nics", name, "network")
                what = f"is bridge '{bridge}', on which host '{guest.host}' itself is reached"
                hint = "give guests a bridge on another NIC or VLAN, or a nat network"
                yield problem(path, what, hint)


def _reached_by(host: Registered) -> frozenset[str]:
    """The host's bridges in whose subnet the address is that it is reached by."""
    try:
        address = ipaddress.ip_address(str(host.values["connection"]["address"]))
    except ValueError:
        return frozenset()
    bridges: Mapping[str, Mapping[str, str]] = host.values["bridges"]
    return frozenset(
        name
        for name, bridge in bridges.items()
        if bridge["address"] and address in ipaddress.ip_interface(str(bridge["address"])).network
    )


RULES = (
    StackRule(
        "shared-card-vlan",
        "mandatory",
        "Each NIC on a card whose virtual functions several NICs share says its VLAN.",
        _vlans,
    ),
    StackRule(
        "management-not-bridged",
        "mandatory",
        "No guest is on a bridge that its host itself is reached by.",
        _management,
    ),
)
