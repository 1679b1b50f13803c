"""Ownership: whose an object is, and which incarnation of it.

A domain carries its mark in its metadata. Volumes, files and image uploads have no metadata:
for them a registry file on the host, written before they are made, says whose they are.
"""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from guesthouse.errors import MachineError, Problem
from guesthouse.machine.connections import HostConnection

REGISTRY = "/var/lib/guesthouse"


@dataclass(frozen=True)
class Record:
    """One registry file. ``complete`` is false from before the first step until the last."""

    mark: str
    name: str
    token: str
    complete: bool
    items: tuple[str, ...]


def new_token() -> str:
    """A fresh incarnation: what was made once is never mistaken for its successor."""
    return uuid.uuid4().hex


def mark_text(mark: Mapping[str, Any]) -> str:
    """``site/project/stack`` of a resource's ``mark`` input."""
    return f"{mark['site']}/{mark['project']}/{mark['stack']}"


def read_record(host: HostConnection, key: str) -> Record | None:
    """The registry file ``key`` (a UUID), or None."""
    if host.is_test:
        return None
    text = host.root(f"cat -- {_path(key)} 2>/dev/null || true")
    if not text.strip():
        return None
    return _parse(host, text)


def items_of_others(host: HostConnection, key: str) -> frozenset[str]:
    """What all registry files but ``key`` name: another site, or this one under another name, may
    have the same file of the host."""
    if host.is_test:
        return frozenset()
    # What is unplugged for a moment lies beside the records (provider/vf_plugs.py).
    skipped = f"{_path(key)}|*.unplugged.json) continue;;"
    show = f'case $f in {skipped} esac; cat -- "$f" 2>/dev/null; echo'
    text = host.root(f"for f in {REGISTRY}/*.json; do {show}; done")
    records = (_parse(host, line) for line in text.splitlines() if line.strip())
    return frozenset(item for record in records for item in record.items)


def _parse(host: HostConnection, text: str) -> Record:
    """One registry file; MachineError for any text that we did not write."""
    try:
        values = json.loads(text)
        record = Record(**{**values, "items": tuple(values["items"])})
        if all(isinstance(item, str) for item in record.items):
            return record
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    hint = f"look at the files in {REGISTRY} on the host; move away what is not Guesthouse's"
    what = "has a record that cannot be read"
    raise MachineError(Problem(f"host {host.name}", what, got=repr(text[:80]), hint=hint))


def write_record(host: HostConnection, key: str, record: Record) -> None:
    """Write atomically: a torn file would make our own work look like a stranger's."""
    if not host.is_test:
        write_whole(host, _path(key), json.dumps(asdict(record)).encode())


def write_whole(host: HostConnection, path: str, data: bytes) -> None:
    """A file in the registry (its path for shell text), for root only; whole or not at all."""
    script = (
        f"set -e; umask 077; mkdir -p {REGISTRY}; cat > {path}.new; "
        f"sync -- {path}.new; mv -- {path}.new {path}"
    )
    host.root(script, input=data)


def remove_record(host: HostConnection, key: str) -> None:
    """Forget; the folder goes with its last file."""
    if not host.is_test:
        host.root(f"rm -f -- {_path(key)}; rmdir {REGISTRY} 2>/dev/null || true")


def quoted(path: object) -> str:
    """A path for use in shell text."""
    return shlex.quote(str(path))


def _path(key: str) -> str:
    return quoted(f"{REGISTRY}/{key}.json")
