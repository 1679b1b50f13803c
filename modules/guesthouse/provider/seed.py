"""The cloud-init seed: a NoCloud ISO (volume label ``cidata``), the same bytes every time.

Its size is a whole number of MiB, so that a new seed nearly always has the size of the old one: a
running QEMU knows a disk's size from its start, and the guest reads the new seed when it reboots.
"""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pycdlib
import pycdlib.dates
import pycdlib.headervd
import pycdlib.pycdlib

from guesthouse.errors import Problem, RefusedError, SetupError

MIB = 1024 * 1024
_HOLE = re.compile(r"@@password_hash:([A-Za-z][A-Za-z0-9_]*)@@")
# openssl-passwd(1) reads a password's first line, and no more of it than this.
LONGEST_PASSWORD_BYTES = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# pycdlib stamps what it writes with the time of day: give it a clock that stands still, in its
# own modules only, since the bytes of a seed must depend on nothing but its files.
_CLOCK = SimpleNamespace(
    **{**vars(time), "time": lambda: 0.0, "localtime": lambda _seconds=0: time.gmtime(0)}
)
for _module in (pycdlib.dates, pycdlib.headervd, pycdlib.pycdlib):
    setattr(_module, "time", _CLOCK)  # noqa: B010


def seed_iso(
    files: Mapping[str, str], secrets: Mapping[str, str], uuid: str, instance_id: str = ""
) -> bytes:
    """The ISO image of the seed files, their holes filled. The guest's ``uuid`` makes hashes
    repeatable; it is the id of its first instance too, while ``instance_id`` names no other."""
    files = {name: _for_instance(text, uuid, instance_id) for name, text in files.items()}
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident="cidata", joliet=3, rock_ridge="1.09")
    for index, (name, text) in enumerate(sorted(files.items())):
        data = fill(text, secrets, uuid).encode()
        path = f"/F{index}.;1"
        iso.add_fp(io.BytesIO(data), len(data), path, rr_name=name, joliet_path=f"/{name}")
    output = io.BytesIO()
    iso.write_fp(output)
    iso.close()
    data = output.getvalue()
    return data.ljust(-(-len(data) // MIB) * MIB, b"\0")


def _for_instance(text: str, uuid: str, instance_id: str) -> str:
    """A new guest has no ssh host keys but those that its image may share with others; a later
    instance keeps those that it is known by."""
    new = "true" if instance_id in ("", uuid) else "false"
    return text.replace("@@instance_id@@", instance_id or uuid).replace("@@new_guest@@", new)


def fill(text: str, secrets: Mapping[str, str], salt: str) -> str:
    """Put the hashes of secret passwords into a text's holes."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in secrets:
            raise RefusedError(_secret(name, "has no value in the stack's configuration"))
        refuse_unusable({name: secrets[name]})
        return password_hash(secrets[name], f"{salt}/{name}")

    return _HOLE.sub(value, text)


def refuse_unusable(secrets: Mapping[str, Any]) -> None:
    """Raise RefusedError for every password that cannot be typed at a login, or would be cut.

    One that a preview does not know yet is looked at when the seed is written.
    """
    problems = []
    for name, value in secrets.items():
        if not isinstance(value, str):
            continue
        size = len(value.encode())
        if not value:
            problems.append(_secret(name, "is empty"))
        elif _CONTROL.search(value):
            problems.append(_secret(name, "has a line break or another control character"))
        elif size > LONGEST_PASSWORD_BYTES:
            allowed = f"at most {LONGEST_PASSWORD_BYTES}"
            problems.append(_secret(name, "is too long for a password", f"{size} bytes", allowed))
    if problems:
        raise RefusedError(*problems)


def _secret(name: str, what: str, got: str = "", allowed: str = "") -> Problem:
    """Never with its value."""
    hint = f"run: . ./env.sh && pulumi config set --secret -s STACK {name}"
    return Problem(f"secret {name}", what, got, allowed, hint)


def password_hash(password: str, salt: str) -> str:
    """SHA-512 crypt(5) hash by openssl-passwd(1); the password goes through a pipe."""
    letters = hashlib.sha256(salt.encode()).hexdigest()[:16]
    try:
        result = subprocess.run(
            ["openssl", "passwd", "-6", "-salt", letters, "-stdin"],
            input=password,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise SetupError(Problem("openssl", "is missing", hint="make setup")) from error
    return result.stdout.strip()
