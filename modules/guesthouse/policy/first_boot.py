"""Rules of what cloud-init does in a guest: secrets, passwords, who may log in and become root."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered
from guesthouse.policy.rule import ResourceRule, problem
from guesthouse.policy.secrets import secrets, unpacked

# NIST SP 800-63B, 3.1.1.2: at least eight characters, and none of the commonly used ones.
_SHORTEST = 8
# Shorter ones are refused for their length.
_COMMON = frozenset(
    {"password", "passw0rd", "p@ssw0rd", "password1", "password123", "passwort", "changeme"}
    | {"changeit", "administrator", "guesthouse", "12345678", "123456789", "1234567890"}
    | {"qwertyui", "qwerty123", "raspberry", "cloud-user", "iloveyou", "letmein1", "welcome1"}
)
_HOLE = re.compile(r"^@@password_hash:(\w+)@@$")
# sshd_config(5), also in what sed or echo puts there; not in a comment.
_OPENS_SSH = re.compile(
    r"""(?im)^(?!\s*\#).*(?<!\#)(?<!\#\ )\b(PermitRootLogin[ \t="']+(?:yes|prohibit-password"""
    r"""|without-password)|(?:PasswordAuthentication|PermitEmptyPasswords)[ \t="']+yes)\b"""
)
# What we write beside what the user declares: nothing of it is his secret.
_OURS = frozenset({"users", "hostname", "packages"})


def _place(guest: Registered, path: tuple[str, ...]) -> tuple[str, ...]:
    """The place in the site of a place in the user-data."""
    below = () if path[0] in ("runcmd", "users") else ("user_data",)
    return ("guests", guest.name, "cloud_init", *below, *path)


def _declared(guest: Registered) -> Mapping[str, Any]:
    return {key: value for key, value in guest.cloud_config.items() if key not in _OURS}


def _secrets(guest: Registered) -> Iterator[Problem]:
    for path, kind in secrets(_declared(guest), ()):
        what = f"holds {kind} in clear: it would stand in the state, on the host and in the guest"
        hint = "let the guest fetch it when it runs; a user's password is {secret: NAME}"
        yield problem(_place(guest, path), what, hint)


def _passwords(guest: Registered) -> Iterator[Problem]:
    values = guest.values.get("secrets") or {}
    for user in guest.users:
        name, hole = str(user["name"]), _HOLE.match(str(user.get("hashed_passwd", "")))
        secret = hole.group(1) if hole else ""
        if secret not in values:
            continue
        value = str(values[secret])
        known = {*_COMMON, name.lower(), guest.name.lower()}
        if len(value) < _SHORTEST or value.lower() in known:
            path = ("guests", guest.name, "cloud_init", "users", name, "password")
            what = f"the secret '{secret}' is short, or one that everybody tries first"
            yield problem(
                path,
                what,
                f"with a better one: . ./env.sh && pulumi config set --secret -s STACK {secret}",
            )


def _sudo(guest: Registered) -> Iterator[Problem]:
    for user in guest.users:
        if "NOPASSWD" in str(user.get("sudo", "")) and not user.get("ssh_authorized_keys"):
            path = ("guests", guest.name, "cloud_init", "users", str(user["name"]), "sudo")
            what = "becomes root without a password, and no key says who it is"
            yield problem(path, what, "give the user ssh_keys, or take `sudo` away")


def _root(guest: Registered) -> Iterator[Problem]:
    base = ("guests", guest.name, "cloud_init")
    for user in guest.users:
        if user["name"] == "root":
            hint = "declare a user with a key and `sudo: true` in place of root"
            yield problem((*base, "users", "root"), "root logs in himself", hint)
    for path, text in _texts(_declared(guest), ()):
        if found := _OPENS_SSH.search(text):
            what = f"opens ssh: {' '.join(found.group(1).split())}"
            yield problem(_place(guest, path), what, "take it away: users log in by key, as users")


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in unpacked(value).items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, str(index)))


RULES = (
    ResourceRule(
        "no-secret-in-cloud-init",
        "mandatory",
        "No private key, password or token stands in clear in `runcmd` or `user_data`.",
        "Guest",
        _secrets,
    ),
    ResourceRule(
        "no-default-password",
        "mandatory",
        "A password has eight characters or more, and is not one that everybody tries first.",
        "Guest",
        _passwords,
    ),
    ResourceRule(
        "sudo-needs-key",
        "mandatory",
        "Who becomes root without a password logs in by key.",
        "Guest",
        _sudo,
    ),
    ResourceRule(
        "no-root-login",
        "mandatory",
        "Nobody logs in as root, or by password over ssh.",
        "Guest",
        _root,
    ),
)
