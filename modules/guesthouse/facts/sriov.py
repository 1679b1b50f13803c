"""Facts of SR-IOV: which network cards a host has, and their virtual functions. Only reads.

From sysfs (https://docs.kernel.org/PCI/pci-iov-howto.html) and ip-link(8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from guesthouse import told
from guesthouse.facts import document
from guesthouse.facts.question import Question


@dataclass(frozen=True)
class VfFact:
    """A virtual function. ``nic`` is its interface on the host, empty when a guest has it or no
    driver does; rates are Mbit/s, 0 for none; ``vlan`` 0 for none."""

    number: int
    pci_address: str
    driver: str
    iommu_group: str
    nic: str
    mac: str
    vlan: int
    qos: int
    spoof_check: bool
    trust: bool
    link_state: str
    max_tx_mbps: int
    min_tx_mbps: int

    @property
    def is_held(self) -> bool:
        """Whether a guest (or somebody else's program) has it: vfio-pci is its driver."""
        return self.driver == "vfio-pci"


@dataclass(frozen=True)
class CardFact:
    """A PCI network interface. ``total`` is how many virtual functions it can have, 0 without
    SR-IOV. ``device`` is vendor:device, ``names`` are its interface's other names."""

    nic: str
    names: frozenset[str]
    pci_address: str
    driver: str
    device: str
    iommu_group: str
    total: int
    has_link: bool
    addresses: tuple[str, ...]
    vfs: Mapping[int, VfFact] = field(default_factory=dict)

    def fits(self, select: Mapping[str, str]) -> bool:
        """Whether all that is said of an interface in a site file is so here."""
        mine = {
            "nic": self.nic,
            "pci_address": self.pci_address,
            "driver": self.driver,
            "device": self.device,
        }
        return all(
            value in self.names if key == "alias" else value == mine[key]
            for key, value in select.items()
        )


def plain(card: CardFact) -> dict[str, Any]:
    """A card as values that JSON has."""
    values = asdict(card)
    values["names"] = sorted(card.names)
    values["vfs"] = [asdict(vf) for vf in card.vfs.values()]
    return values


def from_plain(values: Mapping[str, Any]) -> CardFact:
    """The card again."""
    vfs = (VfFact(**vf) for vf in values["vfs"])
    names, addresses = frozenset(values["names"]), tuple(values["addresses"])
    more = {"names": names, "addresses": addresses, "vfs": {vf.number: vf for vf in vfs}}
    return CardFact(**{**values, **more})


_SYSFS = r"""
word() { readlink "$1" 2>/dev/null | sed 's|.*/||'; }
for n in /sys/class/net/*; do
  d=$(readlink -f "$n/device" 2>/dev/null) || continue
  case ${d##*/} in virtio*) d=${d%/*};; esac
  [ -e "$d/vendor" ] && [ ! -e "$d/physfn" ] || continue
  id=$(cat "$d/vendor" "$d/device" | sed 's/^0x//' | paste -s -d :)
  echo "card nic=${n##*/} pci_address=${d##*/} driver=$(word "$d/driver") device=$id" \
    "iommu_group=$(word "$d/iommu_group") total=$(cat "$d/sriov_totalvfs" 2>/dev/null)"
  for v in "$d"/virtfn*; do
    [ -e "$v" ] || continue
    echo "vf nic=$(ls "$v/net" 2>/dev/null | head -n 1) pci_address=$(word "$v")" \
      "driver=$(word "$v/driver") iommu_group=$(word "$v/iommu_group") number=${v##*virtfn}"
  done
done
echo "=="
ip -j -d address show
"""


def cards(wanted: bool = True) -> Question[tuple[CardFact, ...]]:
    """All PCI network interfaces of a host but for virtual functions; none when not wanted."""
    return Question(_SYSFS, _parse) if wanted else Question("true", lambda output: ())


def pci_of(place: Any) -> str:
    """``0000:01:10.0`` of libvirt's <address> of type pci, by its attributes."""
    parts = [int(place.get(name) or "0", 0) for name in ("domain", "bus", "slot", "function")]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)


def chosen(found: Iterable[CardFact], select: Mapping[str, str]) -> list[CardFact]:
    """Those that fit; a site file means exactly one."""
    return [card for card in found if card.fits(select)]


def _parse(output: str) -> tuple[CardFact, ...]:
    about, _, answer = output.rpartition("==\n")
    links = {link["ifname"]: link for link in document.links(answer)}
    made: list[tuple[dict[str, str], list[dict[str, str]]]] = []
    for line in about.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.split("=", 1) for pair in pairs)
        if kind == "card":
            made.append((values, []))
        else:
            made[-1][1].append(values)
    return tuple(_card(card, vfs, links.get(card["nic"], {})) for card, vfs in made)


def _card(values: dict[str, str], vfs: list[dict[str, str]], link: dict[str, Any]) -> CardFact:
    links = {item["vf"]: item for item in link.get("vfinfo_list", [])}
    functions = [_vf(vf, links[int(vf["number"])]) for vf in vfs if int(vf["number"]) in links]
    other = {link["ifalias"]} if link.get("ifalias") else set()
    return CardFact(
        nic=values["nic"],
        names=frozenset({values["nic"], *link.get("altnames", []), *other}),
        pci_address=values["pci_address"],
        driver=values["driver"],
        device=values["device"],
        iommu_group=values["iommu_group"],
        total=int(values["total"] or 0),
        has_link="LOWER_UP" in link.get("flags", []),
        addresses=tuple(
            found
            for a in link.get("addr_info", [])
            if a.get("scope") != "link"
            and (found := told.interface(a.get("local"), a.get("prefixlen")))
        ),
        vfs={vf.number: vf for vf in sorted(functions, key=lambda vf: vf.number)},
    )


def _vf(values: dict[str, str], link: dict[str, Any]) -> VfFact:
    vlans = link.get("vlan_list") or [{}]
    rate = link.get("rate", {})
    return VfFact(
        number=int(values["number"]),
        pci_address=values["pci_address"],
        driver=values["driver"],
        iommu_group=values["iommu_group"],
        nic=values["nic"],
        mac=link.get("address", ""),
        vlan=vlans[0].get("vlan", 0),
        qos=vlans[0].get("qos", 0),
        spoof_check=bool(link.get("spoofchk")),
        trust=bool(link.get("trust")),
        link_state=str(link.get("link_state", "auto")),
        max_tx_mbps=int(rate.get("max_tx", 0)),
        min_tx_mbps=int(rate.get("min_tx", 0)),
    )
