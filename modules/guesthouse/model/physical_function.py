"""Physical functions of SR-IOV cards and their virtual functions, as a host declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from guesthouse.display import NOT_IN_LINE
from guesthouse.model.values import InterfaceName, Mac, Model, VlanId

# ip-link(8), "vf": rates are whole Mbit/s.
Mbps = Annotated[int, Field(ge=1, le=800_000)]
PciAddress = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$", to_lower=True),
]
PciId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$", to_lower=True)]
# PCI Express, SR-IOV capability: NumVFs has 16 bits; no card comes near.
VfNumber = Annotated[int, Field(ge=0, le=1023)]


class VfDefaults(Model):
    """What every virtual function of a physical function has (ip-link(8), "vf").

    ``max_tx_mbps`` and ``min_tx_mbps`` are what it may send at most and is sure of (Mbit/s; none:
    no limit, nothing sure). ``link_state`` auto follows the physical link.
    """

    spoof_check: bool = True
    trust: bool = False
    link_state: Literal["auto", "enable", "disable"] = "auto"
    max_tx_mbps: Mbps | None = None
    min_tx_mbps: Mbps | None = None


class FixedVf(Model):
    """A virtual function that is the host's: libvirt never hands it out.

    ``mac``, ``vlan`` and ``qos`` (its 802.1p priority) are set by the host; none: as the card
    has it. What is not said is as in ``defaults``.
    """

    mac: Mac | None = None
    vlan: VlanId | None = None
    qos: Annotated[int, Field(ge=0, le=7)] = 0
    spoof_check: bool | None = None
    trust: bool | None = None
    link_state: Literal["auto", "enable", "disable"] | None = None
    max_tx_mbps: Mbps | None = None
    min_tx_mbps: Mbps | None = None


def _once(value: Any) -> Any:
    """One number is written in one way, or two keys could be the same virtual function."""
    for key in value if isinstance(value, Mapping) else ():
        if isinstance(key, str) and key.isdecimal() and key != str(int(key)):
            raise ValueError(f"has '{key}': write it as '{int(key)}'")
    return value


class PhysicalFunction(Model):
    """An SR-IOV capable network card of a host, and how many virtual functions it is split into
    (https://docs.kernel.org/PCI/pci-iov-howto.html).

    It is the one interface that all of these fit that are said: its name ``nic``, its
    ``pci_address`` (``0000:01:00.0``), its ``driver``, its ``device`` (vendor:device,
    ``8086:10c9``), its ``alias`` (another name or the alias that ip-link(8) shows). A change that
    takes virtual functions from running guests needs ``allow: [link_loss]``.
    """

    nic: InterfaceName | None = None
    pci_address: PciAddress | None = None
    driver: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    device: PciId | None = None
    alias: Annotated[str, StringConstraints(pattern=rf"^[^\s/{NOT_IN_LINE}]{{1,255}}$")] | None = (
        None
    )
    virtual_functions: Annotated[int, Field(ge=0, le=1024)]
    defaults: VfDefaults = VfDefaults()
    fixed: Annotated[dict[VfNumber, FixedVf], BeforeValidator(_once)] = Field(default_factory=dict)
    allow: tuple[Literal["link_loss"], ...] = ()

    @property
    def select(self) -> Mapping[str, str]:
        """What the interface is chosen by: field -> value."""
        fields = ("nic", "pci_address", "driver", "device", "alias")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}

    def virtual_function(self, number: int) -> Mapping[str, Any]:
        """All that the host sets of one: with 0 for no rate, and for fixed ones ``mac`` ("" for
        the card's own), ``vlan`` (0 for none) and ``qos``."""
        fixed = self.fixed.get(number)
        own = fixed.model_dump() if fixed else {}
        both = {
            name: value if own.get(name) is None else own[name]
            for name, value in self.defaults.model_dump().items()
        }
        rates = {name: both[name] or 0 for name in ("max_tx_mbps", "min_tx_mbps")}
        if fixed is None:
            return {**both, **rates}
        place = {"mac": fixed.mac or "", "vlan": fixed.vlan or 0, "qos": fixed.qos}
        return {**both, **rates, **place}
