"""Checks inside a guest: the way out and the name servers of a NIC."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, need, words
from guesthouse.placement import GuestPlan, NicPlan


def checks(
    ground: Ground, guest: GuestPlan, nic: NicPlan, needs: tuple[str, ...]
) -> Iterator[Check]:
    """Only what is declared: DHCP may bring a gateway and name servers of its own."""

    def gateway(facts: SiteFacts) -> Seen:
        seen = need(facts.guest(guest.name).routing).gateways.get(nic.name, ())
        return Seen(nic.gateway in seen, words(seen))

    def nameservers(facts: SiteFacts) -> Seen:
        seen = need(facts.guest(guest.name).routing).nameservers
        return Seen(set(nic.nameservers) <= set(seen), words(seen))

    path = f"nics.{nic.name}"
    if nic.gateway:
        what = "default route goes through the gateway"
        yield ground.check(f"{path}.gateway", what, nic.gateway, gateway, needs=needs)
    if nic.nameservers:
        what = "guest asks the name servers"
        yield ground.check(f"{path}.nameservers", what, nic.nameservers, nameservers, needs=needs)
