"""Facts of PCI devices that guests get whole, and of mediated devices. Only reads.

From sysfs (https://docs.kernel.org/driver-api/vfio.html and vfio-mediated-device.html there).
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from guesthouse.facts import document
from guesthouse.facts.question import Question

VFIO = "vfio-pci"
# PCI Code and ID Assignment: base class 06, sub-class 04 is a PCI-to-PCI bridge.
_BRIDGE = "0604"


@dataclass(frozen=True)
class Neighbour:
    """A device of the same IOMMU group; ``device`` is vendor:device, ``kind`` its class."""

    pci_address: str
    driver: str
    device: str
    kind: str

    def __str__(self) -> str:
        return f"{self.pci_address} ({self.device}, {self.driver or 'no driver'})"


@dataclass(frozen=True)
class PciFact:
    """A PCI device. ``device`` is vendor:device, ``kind`` its class (six hexadecimal digits),
    ``vfs`` how many virtual functions it is split into, ``uses`` what the host does with it,
    ``mdev_types`` how many more mediated devices of each type it can have."""

    pci_address: str
    driver: str
    iommu_group: str
    device: str
    kind: str
    vfs: int = 0
    uses: tuple[str, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    mdev_types: Mapping[str, int] = field(default_factory=dict)

    def shared_with(self, given: Collection[str]) -> list[Neighbour]:
        """Who else is in its group, but for bridges and what the same guest is ``given``."""
        return [
            other
            for other in self.neighbours
            if not other.kind.startswith(_BRIDGE) and other.pci_address not in given
        ]


@dataclass(frozen=True)
class MdevFact:
    """A mediated device that is there: its type, and the PCI device on which it was made."""

    mdev_type: str
    parent: str


@dataclass(frozen=True)
class DevicesFact:
    """PCI devices by address, mediated ones by UUID; what is not there is absent."""

    pci: Mapping[str, PciFact] = field(default_factory=dict)
    mdevs: Mapping[str, MdevFact] = field(default_factory=dict)


_SYSFS = r"""
word() { readlink "$1" 2>/dev/null | sed 's|.*/||'; }
about() {
  echo "pci_address=${1##*/} driver=$(word "$1/driver") kind=$(sed 's/^0x//' "$1/class")" \
    "device=$(cat "$1/vendor" "$1/device" | sed 's/^0x//' | paste -s -d :)"
}
pci() {
  d=/sys/bus/pci/devices/$1
  [ -e "$d" ] || return 0
  echo "pci $(about "$d") iommu_group=$(word "$d/iommu_group")" \
    "vfs=$(cat "$d/sriov_numvfs" 2>/dev/null)"
  for n in "$d"/net/* "$d"/virtio*/net/*; do [ ! -e "$n" ] || echo "nic name=${n##*/}"; done
  for o in "$d"/iommu_group/devices/*; do
    [ ! -e "$o" ] || [ "${o##*/}" = "$1" ] || echo "neighbour $(about "$o")"
  done
  for t in "$d"/mdev_supported_types/*; do
    [ ! -e "$t" ] || echo "type name=${t##*/} left=$(cat "$t/available_instances")"
  done
  for b in /sys/class/block/*; do
    case $(readlink -f "$b") in */"$1"/*) ;; *) continue;; esac
    if [ -n "$(ls "$b/holders" 2>/dev/null)" ] || grep -q "^/dev/${b##*/} " /proc/swaps ||
      grep -q "^[0-9]* [0-9]* $(cat "$b/dev") " /proc/self/mountinfo
    then echo "disk name=${b##*/}"; fi
  done
}
mdev() {
  d=$(readlink -f "/sys/bus/mdev/devices/$1") && [ -e "$d" ] || return 0
  parent=${d%/*}
  echo "mdev uuid=$1 mdev_type=$(word "$d/mdev_type") parent=${parent##*/}"
}
"""


def devices(pci: Iterable[str], mdevs: Iterable[str]) -> Question[DevicesFact]:
    """The PCI devices with these addresses and the mediated ones with these UUIDs."""
    asked = [f"pci {shlex.quote(address)}" for address in dict.fromkeys(pci)]
    asked += [f"mdev {shlex.quote(uuid)}" for uuid in mdevs]
    if not asked:
        return Question("true", lambda output: DevicesFact())
    return Question("\n".join([_SYSFS, *asked, "echo links", "ip -j address show", ""]), _parse)


def _parse(output: str) -> DevicesFact:
    about, _, answer = output.partition("links\n")
    links = document.links(answer)
    parts: list[tuple[dict[str, str], list[tuple[str, dict[str, str]]]]] = []
    mdevs: dict[str, MdevFact] = {}
    for line in about.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.split("=", 1) for pair in pairs)
        if kind == "pci":
            parts.append((values, []))
        elif kind == "mdev":
            mdevs[values["uuid"]] = MdevFact(values["mdev_type"], values["parent"])
        else:
            parts[-1][1].append((kind, values))
    return DevicesFact({v["pci_address"]: _pci(v, below, links) for v, below in parts}, mdevs)


def _pci(
    values: dict[str, str], below: list[tuple[str, dict[str, str]]], links: list[dict[str, Any]]
) -> PciFact:
    def named(kind: str) -> list[dict[str, str]]:
        return [item for what, item in below if what == kind]

    nics = {item["name"] for item in named("nic")}
    disks = [f"disk {item['name']}" for item in named("disk")]
    return PciFact(
        **{**values, "vfs": int(values["vfs"] or 0)},  # type: ignore[arg-type]
        uses=(*_of_nics(nics, links), *disks),
        neighbours=tuple(Neighbour(**item) for item in named("neighbour")),
        mdev_types={item["name"]: int(item["left"]) for item in named("type")},
    )


def _of_nics(nics: Collection[str], links: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Interfaces with addresses, in a bridge or bond, or with a VLAN on them."""
    for link in links:
        name = link["ifname"]
        if name in nics:
            found = [a["local"] for a in link.get("addr_info", []) if a.get("scope") != "link"]
            found += [f"in {link['master']}"] if "master" in link else []
            if found:
                yield f"network interface {name} ({', '.join(found)})"
        elif link.get("link") in nics and "link_netnsid" not in link:
            yield f"network interface {link['link']} (under {name})"
