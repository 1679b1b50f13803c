"""Identities: the same names give the same UUIDs, MACs and bridge names, on any machine."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

# The root of all our UUIDs, the same as in engine/libvirt. Never changed, or every object would
# become somebody else's.
NAMESPACE = uuid.UUID("6f0a2b7e-52c5-4d55-9a3e-0c4f5f6b8d21")


@dataclass(frozen=True)
class Identity:
    """Whose objects these are: site id, Pulumi project, Pulumi stack."""

    site: str
    project: str
    stack: str

    @property
    def mark(self) -> str:
        """The ownership mark as one text: ``site/project/stack``."""
        return f"{self.site}/{self.project}/{self.stack}"

    def uuid(self, *names: str) -> str:
        """A version 5 UUID (RFC 9562) for the object with that kind and these names."""
        return str(uuid.uuid5(NAMESPACE, "/".join((self.mark, *names))))

    def mac(self, *names: str) -> str:
        """A locally administered unicast MAC with 40 bits from the names.

        52 is the first byte that libvirt's own MACs have; 24 bits, as libvirt uses, would collide
        among some thousand guests.
        """
        digest = uuid.UUID(self.uuid("mac", *names)).hex
        return ":".join(["52", *(digest[i : i + 2] for i in range(0, 10, 2))])

    def bridge_name(self, network: str) -> str:
        """The Linux bridge of a libvirt network: 14 characters, of the 15 that Linux allows.

        The name says whose network it is, and libvirt stores it with the definition.
        """
        return "gh" + uuid.UUID(self.uuid("network", network)).hex[:12]
