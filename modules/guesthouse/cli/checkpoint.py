"""A state file of the engine: is it whole?

The layout is versions 3 and 4 of https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guesthouse import files

# The engine writes 4 when a resource uses a feature that version 3 cannot tell.
VERSIONS = (3, 4)
# A site of 5,000 guests has a tenth of that.
MAX_BYTES = 1024 * files.MIB


class Broken(Exception):
    """A file is not a whole state of the stack; its text says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A state that was found whole. ``time`` is when the engine wrote it (RFC 3339, UTC), empty
    for a stack that nothing was made of yet."""

    path: Path
    data: bytes
    time: str
    resources: int


def read(path: Path, name: str) -> Checkpoint:
    """The state of the stack ``name`` (``organization/PROJECT/STACK``); raises Broken."""
    try:
        data = files.read_bytes(path, MAX_BYTES)
    except FileNotFoundError:
        raise Broken("is missing") from None
    except files.Unreadable as error:
        raise Broken(str(error)) from None
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise Broken(f"is cut off or no JSON ({len(data)} bytes)") from None
    try:
        return _verified(path, data, content, name)
    except (LookupError, TypeError, AttributeError):
        raise Broken("is not a state of the engine") from None


def _verified(path: Path, data: bytes, content: Any, name: str) -> Checkpoint:
    checkpoint = content["checkpoint"]
    if content["version"] not in VERSIONS or checkpoint["stack"] != name:
        raise Broken(f"is not a state of {name}, version 3 or 4")
    latest = checkpoint.get("latest")
    if latest is None:
        return Checkpoint(path, data, "", 0)
    manifest, resources = latest["manifest"], latest.get("resources") or []
    # The engine's own mark: the digest of its version.
    if manifest["magic"] != hashlib.sha256(manifest["version"].encode()).hexdigest():
        raise Broken("has a wrong mark of the engine")
    known: set[str] = set()
    for resource in resources:
        needs = {resource.get("parent"), *(resource.get("dependencies") or ())} - {None, ""}
        if not needs <= known:
            raise Broken(f"lacks resources that {resource['urn']} needs")
        known.add(resource["urn"])
    return Checkpoint(path, data, str(manifest["time"]), len(resources))
