"""Storage: pools that hold volumes, images that guests start from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from guesthouse.model.values import AbsolutePath, Line, Model, Name, Sha256


class Pool(Model):
    """A libvirt storage pool, the same on each of its hosts (https://libvirt.org/storage.html).

    ``existing`` pools were made by somebody else: used and checked, never made or removed.
    """

    hosts: tuple[Name, ...] = Field(min_length=1)
    kind: Literal["dir"] = "dir"
    path: AbsolutePath
    existing: bool = False


class Image(Model):
    """A disk image on the machine that runs the program, by digest.

    ``source`` is a path; ``sha256`` is the digest of that file, which names it on the hosts.
    """

    source: Annotated[Line, StringConstraints(min_length=1)]
    sha256: Sha256
    format: Literal["qcow2", "raw"] = "qcow2"
