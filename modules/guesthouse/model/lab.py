"""What stands in for a host in the lab (`guesthouse lab up`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from guesthouse.model.values import Model

# Bridges of the lab, which have their segments' names (15 letters at most, ip-link(8)).
SegmentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,13}[a-z0-9]$")]
RESERVED_SEGMENTS = ("management", "trunk")
LabKind = Literal["container", "emulated"]


class LabPlace(Model):
    """How the lab makes a host. ``container`` is a system container with QEMU's emulation for its
    guests, up in seconds; ``emulated`` a whole machine with SR-IOV, IOMMU and a kernel of its own,
    of which a lab has two. ``segments`` are networks that a container host is wired to beside
    the trunk, with the NICs ``enp0s5`` and on, in that order.
    """

    kind: LabKind = "container"
    segments: tuple[SegmentName, ...] = ()
