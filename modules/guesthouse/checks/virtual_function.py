"""Checks of virtual functions in use: their networks, and the guests' NICs on them.

From the guest's definition through the card to the other guest on the wire: each link on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_interface

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need, repair
from guesthouse.checks.domain import both, domain
from guesthouse.checks.storage import libvirt_id
from guesthouse.facts.guest import DomainNic
from guesthouse.facts.network import NetworkFact
from guesthouse.facts.sriov import CardFact, VfFact, chosen
from guesthouse.placement import GuestPlan, NicPlan, Plan, VfNetworkPlan

Look = Callable[[SiteFacts], Seen]


def network_checks(plan: Plan, network: VfNetworkPlan) -> Iterator[Check]:
    """Every check of one network of virtual functions on one host."""
    needs = (libvirt_id(network.host), _count_id(network.host, network.physical_function))
    ground = Ground(network.host, f"networks.{network.name}", repair(plan), needs)

    def fact(facts: SiteFacts) -> NetworkFact | None:
        found = need(facts.host(network.host).hypervisor).networks.get(network.name)
        return need(found) if found else None

    def attribute(wanted: object, name: str) -> Look:
        return lambda facts: equal(wanted, getattr(fact(facts), name))

    def pool(facts: SiteFacts) -> Seen:
        card = _card(plan, network.host, network.physical_function, facts)
        wanted = tuple(card.vfs[number].pci_address for number in network.vfs)
        found = fact(facts)
        seen = found.vfs if found else ()
        return Seen(set(seen) == set(wanted), _numbers(card, seen))

    yield ground.check("", "network is defined", network.uuid, _uuid(fact, network.uuid))
    there = (ground.id(""),)
    yield ground.check(
        "kind", "network has its kind", "sriov", attribute("sriov", "kind"), needs=there
    )
    look = attribute(True, "active")
    yield ground.check("", "network is active", True, look, aspect="active", needs=there)
    look = attribute(True, "autostart")
    yield ground.check("", "network starts at boot", True, look, aspect="autostart", needs=there)
    wanted = ", ".join(map(str, network.vfs))
    what = "network hands out the VFs that are not fixed"
    yield ground.check("physical_function", what, wanted, pool, needs=there)


def _uuid(fact: Callable[[SiteFacts], NetworkFact | None], uuid: str) -> Look:
    def look(facts: SiteFacts) -> Seen:
        found = fact(facts)
        return equal(uuid, found.uuid) if found else Seen(False, "no such network")

    return look


def _numbers(card: CardFact, places: tuple[str, ...]) -> str:
    numbers = {vf.pci_address: str(vf.number) for vf in card.vfs.values()}
    return ", ".join(numbers.get(place, place) for place in places) or "none"


def _count_id(host: str, function: str) -> str:
    """The check that the card has its virtual functions, which all of theirs need."""
    return f"{host}: hosts.{host}.physical_functions.{function}.virtual_functions"


def _card(plan: Plan, host: str, function: str, facts: SiteFacts) -> CardFact:
    select = plan.hosts[host].host.physical_functions[function].select
    found = chosen(need(facts.host(host).cards), select)
    if len(found) != 1:
        raise Unanswered(f"failed: {host}: hosts.{host}.physical_functions.{function}")
    return found[0]


@dataclass(frozen=True)
class _Nic:
    """One NIC of a guest on a network of virtual functions."""

    plan: Plan
    guest: GuestPlan
    nic: NicPlan

    @property
    def network(self) -> VfNetworkPlan:
        names = (self.guest.host, self.nic.network)
        return next(n for n in self.plan.vf_networks if (n.host, n.name) == names)

    def held(self, facts: SiteFacts) -> VfFact | None:
        """The virtual function that the running guest has, by its document."""
        live = domain(self.guest, facts).live
        nic = live.nics.get(self.nic.mac, DomainNic("", "", "")) if live else None
        host, function = self.guest.host, self.network.physical_function
        vfs = _card(self.plan, host, function, facts).vfs.values()
        return next((v for v in vfs if nic and v.pci_address == nic.pci_address), None)

    def vf(self, facts: SiteFacts) -> VfFact:
        """The same, for checks that need it."""
        found = self.held(facts)
        if found is None:
            raise Unanswered("the guest holds no virtual function")
        return found


def guest_checks(plan: Plan, guest: GuestPlan, ground: Ground) -> Iterator[Check]:
    """Every check of one guest's virtual functions, seen from its host."""
    for nic in guest.nics:
        if nic.kind == "sriov":
            yield from _defined(ground, guest, nic)
            if guest.power == "running":
                yield from _running(ground, _Nic(plan, guest, nic))


def _defined(ground: Ground, guest: GuestPlan, nic: NicPlan) -> Iterator[Check]:
    path, needs = f"nics.{nic.name}", (ground.id(f"nics.{nic.name}.mac"),)

    def source(facts: SiteFacts) -> Seen:
        found = domain(guest, facts).config.nics[nic.mac]
        return equal(f"network {nic.network}", f"{found.kind} {found.source}")

    what, wanted = "NIC is on its network", f"network {nic.network}"
    yield ground.check(f"{path}.network", what, wanted, source, needs=needs)
    look = partial(both, guest, lambda shape: shape.nics[nic.mac].vlan, nic.vlan)
    yield ground.check(f"{path}.vlan", "NIC is declared in its VLAN", nic.vlan, look, needs=needs)


def _running(ground: Ground, item: _Nic) -> Iterator[Check]:
    nic, network = item.nic, item.network
    path = f"nics.{nic.name}"
    function = f"hosts.{item.guest.host}.physical_functions.{network.physical_function}"

    def holds(facts: SiteFacts) -> Seen:
        found = item.held(facts)
        text = f"VF {found.number}" if found else "none of this card"
        return Seen(found is not None and found.number in network.vfs, text)

    def bound(facts: SiteFacts) -> Seen:
        return equal("vfio-pci", item.vf(facts).driver)

    def mac(facts: SiteFacts) -> Seen:
        return equal(nic.mac, item.vf(facts).mac)

    def vlan(facts: SiteFacts) -> Seen:
        return equal(nic.vlan, item.vf(facts).vlan)

    needs = (ground.id(f"{path}.network"), _count_id(item.guest.host, network.physical_function))
    wanted = f"one of {', '.join(map(str, network.vfs))} of {function}"
    what = "guest holds a virtual function of the card"
    yield ground.check(f"{path}.network", what, wanted, holds, aspect="VF", needs=needs)
    held = (ground.id(f"{path}.network", "VF"),)
    what = "its VF is with vfio-pci on the host"
    yield ground.check(f"{path}.network", what, "vfio-pci", bound, aspect="driver", needs=held)
    what = "card has the NIC's MAC for its VF"
    yield ground.check(f"{path}.mac", what, nic.mac, mac, aspect="card", needs=held)
    what = "card has the NIC's VLAN for its VF"
    yield ground.check(f"{path}.vlan", what, nic.vlan, vlan, aspect="card", needs=held)


def inside_checks(plan: Plan, guest: GuestPlan, ground: Ground) -> Iterator[Check]:
    """Every check inside one guest: the VF's driver, and who answers over it."""
    for nic in guest.nics:
        if nic.kind == "sriov":
            path = f"nics.{nic.name}"
            seen = (ground.id(path, "inside"),)
            look = partial(_driver, guest, nic)
            what, wanted = "guest's driver is a virtual function's", "one of virtual functions"
            yield ground.check(path, what, wanted, look, aspect="driver", needs=seen)
            for name, address in peers_of(plan, guest, nic):
                look = partial(_reached, guest, address)
                what = f"{name} answers over the VF"
                needs = (*seen, ground.id(f"{path}.address"))
                yield ground.check(path, what, address, look, aspect=f"to {name}", needs=needs)


def _driver(guest: GuestPlan, nic: NicPlan, facts: SiteFacts) -> Seen:
    found = need(facts.guest(guest.name).nics)[nic.mac]
    return Seen(found.driver.endswith("vf"), found.driver or "none")


def _reached(guest: GuestPlan, address: str, facts: SiteFacts) -> Seen:
    answers = address in need(facts.guest(guest.name).reached)
    return Seen(answers, address if answers else "no answer")


def peers_of(plan: Plan, guest: GuestPlan, nic: NicPlan) -> Iterator[tuple[str, str]]:
    """(guest, address) of the running guests that this NIC must reach: those on the same network
    and VLAN with an address of the same subnet."""
    if nic.kind != "sriov" or not nic.address:
        return
    subnet = ip_interface(nic.address).network
    for other in plan.guests.values():
        for their in other.nics if other.name != guest.name and other.power == "running" else ():
            same = (their.network, their.vlan) == (nic.network, nic.vlan) and their.address
            if same and ip_interface(their.address).network == subnet:
                yield other.name, their.address.partition("/")[0]


def peers(plan: Plan, guest: GuestPlan) -> Iterator[tuple[str, str]]:
    """(NIC, address) of all that a guest is to ping."""
    for nic in guest.nics:
        for _, address in peers_of(plan, guest, nic):
            yield nic.name, address
