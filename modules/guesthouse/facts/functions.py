"""What the functions of SR-IOV cards carry, and who holds them: part of `guesthouse.facts.status`.

From sysfs (https://docs.kernel.org/PCI/pci-iov-howto.html), ip-link(8) with statistics, and the
running domains' XML (https://libvirt.org/formatdomain.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from guesthouse.facts import document, sriov, virsh

# Counter -> its place in ip's JSON. A VF's sent bytes and packets have names of their own there.
_PLACES = {
    "receive_bytes": ("rx", "bytes"),
    "transmit_bytes": ("tx", "bytes", "tx_bytes"),
    "receive_packets": ("rx", "packets"),
    "transmit_packets": ("tx", "packets", "tx_packets"),
    "receive_multicast": ("rx", "multicast"),
    "receive_broadcast": ("rx", "broadcast"),
    "receive_dropped": ("rx", "dropped"),
    "transmit_dropped": ("tx", "dropped"),
}
Counters = Mapping[str, int | None]
Rate = Callable[[float, float], float]


@dataclass(frozen=True)
class Traffic:
    """Bytes and packets, as the function itself receives and transmits: ``total`` since they are
    counted, ``per_s`` per second, by the same names. None is what nobody counts."""

    total: Counters
    per_s: Mapping[str, float | None]


@dataclass(frozen=True)
class VfStatus:
    """A virtual function. ``vlan`` is 0 for none, ``driver`` empty for none, ``nic`` its interface
    on the host, ``guest`` the running guest that has it; both empty for none.

    ``counted_by`` is ``host`` (its own interface), ``card``, or empty: the card does not count.
    Without ``traffic`` and with ``counted_by`` it changed hands between the samples.
    """

    pci_address: str
    mac: str
    vlan: int
    driver: str
    nic: str
    guest: str
    counted_by: str
    traffic: Traffic | None


@dataclass(frozen=True)
class PfStatus:
    """A physical function that has virtual ones (by number). Whether its own traffic has theirs
    in it is different from driver to driver."""

    pci_address: str
    mac: str
    traffic: Traffic | None
    virtual_functions: Mapping[int, VfStatus]


# Without processes of its own for each function: there may be hundreds. Leaves `held` behind.
# A line of XML that looks like a mark of ours is moved.
SHELL = f"""
functions() {{
  held= some=
  for f in /sys/class/net/*/device/sriov_numvfs; do
    [ -e "$f" ] && read -r n <"$f" && [ "$n" != 0 ] || continue
    d=${{f%/*}} i=${{f%/device/*}} some=1
    cd -P "$d" || continue
    echo "pf nic=${{i##*/}} pci_address=${{PWD##*/}}"
    for v in "$d"/virtfn*; do
      cd -P "$v" 2>/dev/null || continue
      a=${{PWD##*/}} nic= driver=
      for t in net/*; do if [ -e "$t" ]; then nic=${{t##*/}}; fi; done
      if cd -P driver 2>/dev/null; then driver=${{PWD##*/}}; fi
      if [ "$driver" = vfio-pci ]; then held=1; fi
      echo "vf number=${{v##*virtfn}} pci_address=$a driver=$driver nic=$nic"
    done
  done
  cd /
  if [ -n "$some" ]; then echo; ip -j -s -d link show; fi
}}
holders() {{
  if [ -n "$held" ]; then
    all=$(virsh -q -c {virsh.SYSTEM} list --uuid | sed -n 's/..*/dumpxml &;/p' | tr '\\n' ' ')
    if [ -n "$all" ]; then LC_ALL=C virsh -q -c {virsh.SYSTEM} "$all" | sed 's/^==/ ==/'; fi
  fi
}}
"""


def holders(text: str) -> dict[str, str]:
    """PCI address (``0000:01:10.0``) -> the guest that has this device, from the XML of running
    domains, one after the other: there an interface's source is what it really has."""
    found = {}
    for root in virsh.domains(text):
        for place in root.iterfind("devices/*/source/address"):
            # A USB device's address has no slot.
            if place.get("slot"):
                found[sriov.pci_of(place.attrib)] = root.findtext("name") or ""
    return found


@dataclass(frozen=True)
class _Vf:
    """One look at a virtual function: the words of sysfs, what ip tells of it, the counters of its
    own interface and of the card."""

    words: Mapping[str, str]
    told: Mapping[str, Any]
    own: Counters | None
    card: Counters | None

    def counted(self, by_card: bool) -> tuple[str, Counters]:
        """Who counts, and what; the card's numbers are taken only when it is known to count."""
        if self.own:
            return "host", self.own
        return ("card", self.card) if by_card and self.card else ("", {})


@dataclass(frozen=True)
class _Pf:
    words: Mapping[str, str]
    mac: str
    counters: Counters | None
    vfs: Mapping[int, _Vf]

    @property
    def counts(self) -> bool:
        """The kernel says 0 for a driver that cannot tell (rtnetlink.c), as igb: believed is only
        a card of which something was counted."""
        return any(value for vf in self.vfs.values() for value in (vf.card or {}).values())


def functions(first: str, second: str, guests: str, rate: Rate) -> dict[str, PfStatus]:
    """Physical functions by interface, from two outputs of ``functions`` and one of ``holders``;
    ``rate`` makes a number per second of two."""
    before, after, held = _look(first), _look(second), holders(guests)
    found = {}
    for nic, pf in after.items():
        old = before.get(nic)
        found[nic] = PfStatus(
            pci_address=pf.words["pci_address"],
            mac=pf.mac,
            traffic=_traffic(old.counters if old else None, pf.counters, rate),
            virtual_functions={
                number: _vf_status(old.vfs.get(number) if old else None, vf, pf.counts, held, rate)
                for number, vf in pf.vfs.items()
            },
        )
    return found


def _vf_status(
    before: _Vf | None, after: _Vf, by_card: bool, held: Mapping[str, str], rate: Rate
) -> VfStatus:
    counted_by, counters = after.counted(by_card)
    first = before.counted(by_card) if before else ("", {})
    words, vlans = after.words, after.told.get("vlan_list") or [{}]
    return VfStatus(
        pci_address=words["pci_address"],
        mac=after.told.get("address", ""),
        vlan=vlans[0].get("vlan", 0),
        driver=words["driver"],
        nic=words["nic"],
        guest=held.get(words["pci_address"], "") if words["driver"] == "vfio-pci" else "",
        counted_by=counted_by,
        # The card and the host's driver count apart: a difference of the two says nothing.
        traffic=_traffic(first[1] if first[0] == counted_by else None, counters, rate),
    )


def _traffic(first: Counters | None, second: Counters | None, rate: Rate) -> Traffic | None:
    if not first or not second:
        return None

    def per_s(name: str) -> float | None:
        old, new = first[name], second[name]
        return None if old is None or new is None else rate(old, new)

    return Traffic(second, {name: per_s(name) for name in second})


def _look(text: str) -> dict[str, _Pf]:
    about, _, answer = text.strip().partition("\n\n")
    links = {link["ifname"]: link for link in document.links(answer)}
    made: list[tuple[dict[str, str], list[dict[str, str]]]] = []
    for line in about.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.split("=", 1) for pair in pairs)
        if kind == "pf":
            made.append((values, []))
        else:
            made[-1][1].append(values)
    return {pf["nic"]: _pf(pf, vfs, links) for pf, vfs in made}


def _pf(
    words: dict[str, str], vfs: Iterable[dict[str, str]], links: Mapping[str, Mapping[str, Any]]
) -> _Pf:
    link = links.get(words["nic"], {})
    told = {item["vf"]: item for item in link.get("vfinfo_list", [])}

    def look(vf: Mapping[str, str]) -> _Vf:
        item = told.get(int(vf["number"]), {})
        own = links.get(vf["nic"], {}).get("stats64")
        return _Vf(vf, item, _counters(own), _counters(item.get("stats")))

    found = sorted((look(vf) for vf in vfs), key=lambda vf: int(vf.words["number"]))
    return _Pf(
        words,
        link.get("address", ""),
        _counters(link.get("stats64")),
        {int(vf.words["number"]): vf for vf in found},
    )


def _counters(stats: Mapping[str, Mapping[str, int]] | None) -> dict[str, int | None] | None:
    if not stats:
        return None

    def value(way: str, *names: str) -> int | None:
        told = stats.get(way, {})
        return next((told[name] for name in names if name in told), None)

    return {name: value(*place) for name, place in _PLACES.items()}
