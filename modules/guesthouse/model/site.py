"""The site: everything of one stack, built from plain values with all problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from guesthouse.errors import SiteError
from guesthouse.model import shape
from guesthouse.model.device import DevicePlace
from guesthouse.model.guest import Guest, Permission
from guesthouse.model.host import Host
from guesthouse.model.lab import LabPlace
from guesthouse.model.network import Network
from guesthouse.model.shape import did_you_mean
from guesthouse.model.storage import Image, Pool
from guesthouse.model.values import Model, Name

__all__ = ["Site", "did_you_mean", "parse_site"]


class Site(Model):
    """Everything of one stack. ``site`` is its identity and part of every UUID, ``allow`` what
    changes of any guest or network may cost, ``devices`` what each host has under the portable
    names that guests ask for, ``lab`` the hosts that `guesthouse lab up` makes.

    The models check the shape; ``rules.problems`` checks what the parts say about each other.
    """

    site: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    hosts: dict[Name, Host] = Field(min_length=1)
    pools: dict[Name, Pool] = Field(default_factory=dict)
    images: dict[Name, Image] = Field(default_factory=dict)
    networks: dict[Name, Network] = Field(default_factory=dict)
    devices: dict[Name, dict[Name, DevicePlace]] = Field(default_factory=dict)
    guests: dict[Name, Guest] = Field(default_factory=dict)
    lab: dict[Name, LabPlace] = Field(default_factory=dict)
    allow: tuple[Permission, ...] = ()


def parse_site(values: Mapping[str, Any]) -> Site:
    """Build a Site from plain values; raises SiteError with every problem of shape at once."""
    try:
        return Site.model_validate(values)
    except ValidationError as error:
        raise SiteError(*shape.problems(error, Site)) from None
