"""Facts of cards that are as declared, and of the guests that have their virtual functions."""

from __future__ import annotations

from guesthouse.facts.guest import DomainNic
from guesthouse.facts.network import NetworkFact
from guesthouse.facts.sriov import CardFact, VfFact
from guesthouse.model import PhysicalFunction
from guesthouse.placement import GuestPlan, NicPlan, Plan


def cards(plan: Plan, host: str) -> tuple[CardFact, ...]:
    """A host's cards, in the order of its physical functions."""
    functions = plan.hosts[host].host.physical_functions
    return tuple(
        _card(index, function, _held(plan, host, name))
        for index, (name, function) in enumerate(functions.items())
    )


def networks(plan: Plan, host: str) -> dict[str, NetworkFact]:
    """A host's networks of virtual functions."""
    functions = tuple(plan.hosts[host].host.physical_functions)
    return {
        n.name: NetworkFact(
            uuid=n.uuid,
            kind="sriov",
            bridge="",
            addresses=(),
            dhcp=False,
            dhcp_ranges=(),
            active=True,
            autostart=True,
            vfs=tuple(_place(functions.index(n.physical_function), vf) for vf in n.vfs),
        )
        for n in plan.vf_networks
        if n.host == host
    }


def running_nics(plan: Plan, guest: GuestPlan) -> dict[str, DomainNic]:
    """What the running guest has in the place of its NICs on such networks, by MAC."""
    return {
        nic.mac: DomainNic("hostdev", "", "", pci_address=_place(index, number), vlan=nic.vlan)
        for index, name in enumerate(plan.hosts[guest.host].host.physical_functions)
        for number, nic in _held(plan, guest.host, name).items()
        if nic in guest.nics
    }


def reached(plan: Plan, guest: GuestPlan) -> frozenset[str]:
    """Who answers a guest over its virtual functions: everybody else who has one."""
    others = (g for g in plan.guests.values() if g != guest and any(map(_is_vf, guest.nics)))
    nics = (nic for other in others for nic in other.nics if _is_vf(nic))
    return frozenset(nic.address.partition("/")[0] for nic in nics)


def driver(nic: NicPlan) -> str:
    """The guest's own driver of a NIC."""
    return "igbvf" if _is_vf(nic) else "virtio_net"


def _is_vf(nic: NicPlan) -> bool:
    return nic.kind == "sriov"


def _place(index: int, number: int) -> str:
    return f"0000:0{index}:10.{number}"


def _held(plan: Plan, host: str, function: str) -> dict[int, NicPlan]:
    """Number -> the NIC that has this virtual function of a card: the first one has the first."""
    (pool,) = (n for n in plan.vf_networks if (n.host, n.physical_function) == (host, function))
    guests = (guest for guest in plan.guests.values() if guest.host == host)
    nics = (nic for guest in guests for nic in guest.nics if nic.network == pool.name)
    return dict(zip(pool.vfs, nics, strict=False))


def _card(index: int, function: PhysicalFunction, held: dict[int, NicPlan]) -> CardFact:
    vfs = {n: _vf(index, n, function, held.get(n)) for n in range(function.virtual_functions)}
    name, names = function.driver or "igb", frozenset({"eth5"})
    place = f"0000:0{index}:00.0"
    return CardFact("eth5", names, place, name, "8086:10c9", f"{index}", 7, True, (), vfs)


def _vf(index: int, number: int, function: PhysicalFunction, nic: NicPlan | None) -> VfFact:
    card_own = {"mac": "52:54:00:11:11:11", "vlan": 0, "qos": 0}
    guests_own = {"mac": nic.mac, "vlan": nic.vlan} if nic else {}
    return VfFact(
        number=number,
        pci_address=_place(index, number),
        driver="vfio-pci" if nic else "igbvf",
        iommu_group=f"{index}{number}",
        nic="" if nic else f"eth{index}v{number}",
        **{**card_own, **guests_own, **function.virtual_function(number)},
    )
