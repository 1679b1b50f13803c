"""A resource as a program registers it, and what its documents say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from lxml import etree


@dataclass(frozen=True)
class Registered:
    """A resource of ours: ``kind`` is Guest, Host, Image, Network, VfNetwork or PhysicalFunction.

    ``values`` are its inputs; they may come as views that only read, with numbers as float.
    """

    kind: str
    name: str
    values: Mapping[str, Any]

    @property
    def host(self) -> str:
        """The name of the host that it is on, or is."""
        return str(self.values["connection"]["name"])

    @property
    def domain(self) -> Any:
        """A guest's domain document, parsed."""
        return _parsed(str(self.values["domain_xml"]))

    @property
    def cloud_config(self) -> Mapping[str, Any]:
        """A guest's user-data, parsed; empty for a guest without cloud-init."""
        text = self.values["seed"].get("files", {}).get("user-data", "")
        return _cloud_config(str(text))

    @property
    def users(self) -> tuple[Mapping[str, Any], ...]:
        """The users that cloud-init makes in a guest."""
        return tuple(self.cloud_config.get("users") or ())


@lru_cache(1024)
def _parsed(text: str) -> Any:
    return etree.fromstring(text)


@lru_cache(1024)
def _cloud_config(text: str) -> Mapping[str, Any]:
    return yaml.safe_load(text) or {}


def of_kind(stack: Iterable[Registered], kind: str) -> dict[str, Registered]:
    """The resources of one kind by name."""
    return {item.name: item for item in stack if item.kind == kind}


def nic_names(guest: Registered) -> dict[str, str]:
    """MAC address -> the NIC's name in the site."""
    return {str(nic["mac"]).lower(): str(nic["name"]) for nic in guest.values["nics"]}
