"""The table of `guesthouse status` about the functions of SR-IOV cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guesthouse.facts.functions import PfStatus, Traffic, VfStatus

COLUMNS = (
    *("function", "host", "PCI address", "MAC", "VLAN", "held by"),
    *("in kB/s", "out kB/s", "in packets/s", "out packets/s", "dropped/s"),
)


def rows(host: str, cards: Mapping[str, PfStatus]) -> Iterator[tuple[str, ...]]:
    """Each physical function of a host, and below it its virtual ones."""
    for nic, pf in cards.items():
        rates = _rates(pf.traffic) if pf.traffic else ("not known", "", "", "", "")
        yield (nic, host, pf.pci_address, pf.mac, "", "host", *rates)
        for number, vf in pf.virtual_functions.items():
            vlan = str(vf.vlan) if vf.vlan else ""
            yield (f"{nic} VF {number}", host, vf.pci_address, vf.mac, vlan, *_rest(vf))


def _rest(vf: VfStatus) -> tuple[str, ...]:
    if vf.traffic:
        return (_holder(vf), *_rates(vf.traffic))
    why = "changed hands just now" if vf.counted_by else "the card does not count"
    return (_holder(vf), why, "", "", "", "")


def _holder(vf: VfStatus) -> str:
    if vf.guest:
        return f"guest {vf.guest}"
    if vf.nic:
        return f"host ({vf.nic})"
    return f"{vf.driver}, no guest" if vf.driver else "nobody"


def _rates(traffic: Traffic) -> tuple[str, ...]:
    """Empty where nobody counts."""
    per_s = traffic.per_s
    kilobytes = [None if (v := per_s[f"{way}_bytes"]) is None else v / 1000 for way in _WAYS]
    packets = [per_s[f"{way}_packets"] for way in _WAYS]
    dropped = [value for way in _WAYS if (value := per_s[f"{way}_dropped"]) is not None]
    told = (*kilobytes, *packets, sum(dropped) if dropped else None)
    return tuple("" if value is None else f"{value:.1f}" for value in told)


_WAYS = ("receive", "transmit")
