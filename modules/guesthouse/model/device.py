"""Devices of hosts that guests get whole, by a portable name and where each host has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, StringConstraints, Tag

from guesthouse.model.physical_function import PciAddress
from guesthouse.model.values import Model


class MdevPlace(Model):
    """A mediated device: made of the type ``mdev`` (``nvidia-63``) on the PCI device ``parent``,
    anew for each guest (https://docs.kernel.org/driver-api/vfio-mediated-device.html)."""

    mdev: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    parent: PciAddress


def _kind(value: Any) -> str:
    return "MdevPlace" if isinstance(value, Mapping | MdevPlace) else "pci"


# A PCI device that the guest gets as it is, or a mediated one: one message for one mistake.
DevicePlace = Annotated[
    Annotated[PciAddress, Tag("pci")] | Annotated[MdevPlace, Tag("MdevPlace")],
    Discriminator(_kind),
]
