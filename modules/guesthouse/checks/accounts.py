"""Checks inside a guest: users with their keys, passwords and rights, and packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need, words
from guesthouse.checks.finding import Severity
from guesthouse.facts.accounts import UserFact
from guesthouse.placement import GuestPlan

ROOT_ONLY = "only root may read it, and the login user has no sudo"
_KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


def checks(ground: Ground, guest: GuestPlan) -> Iterator[Check]:
    """Every check of a guest's users and packages."""
    if guest.cloud_init is None:
        return
    below = Ground(ground.machine, f"{ground.base}.cloud_init", ground.remedy, ground.needs)
    for name in guest.users:
        yield from _user(below, guest, name)
    for package in guest.cloud_init.packages:
        yield below.check(
            f"packages.{package}", "package is installed", True, _package(guest, package)
        )


Look = Callable[[SiteFacts], Seen]


def _package(guest: GuestPlan, name: str) -> Look:
    return lambda facts: equal(True, name in need(facts.guest(guest.name).packages))


def _user(ground: Ground, guest: GuestPlan, name: str) -> Iterator[Check]:
    user, path = guest.users[name], f"users.{name}"

    def fact(facts: SiteFacts) -> UserFact | None:
        return need(facts.guest(guest.name).users).get(name)

    def same(attribute: str, what: str, wanted: object, severity: Severity) -> Check:
        look = partial(_same, fact, attribute, wanted)
        return ground.check(
            f"{path}.{attribute}", what, wanted, look, needs=needs, severity=severity
        )

    def keys(facts: SiteFacts) -> Seen:
        seen = {_bare(str(line)) for line in _known(fact(facts), "keys")}
        return Seen(seen == wanted_keys, _short(seen))

    # Without root, only the login user's own account can be read: known beforehand.
    has_root = guest.login == "root" or guest.users[guest.login].sudo
    severity: Severity = "error" if has_root or guest.login == name else "info"
    wanted_keys = {_bare(item.key) for item in user.ssh_keys}
    needs = (ground.id(path),)
    what = "user exists"
    yield ground.check(path, what, True, lambda facts: equal(True, fact(facts) is not None))
    yield same("shell", "user has the shell", user.shell, "error")
    what, wanted = "exactly these keys may log in", _short(wanted_keys)
    yield ground.check(f"{path}.ssh_keys", what, wanted, keys, needs=needs, severity=severity)
    yield same("sudo", "user may do everything by sudo", user.sudo, severity)
    password = "set" if user.password else "locked"
    yield same("password", "password is set or locked", password, severity)


def _known(fact: UserFact | None, attribute: str) -> Any:
    seen = getattr(fact, attribute)
    if seen is None:
        raise Unanswered(ROOT_ONLY)
    return seen


def _same(
    fact: Callable[[SiteFacts], UserFact | None], attribute: str, wanted: object, facts: SiteFacts
) -> Seen:
    return equal(wanted, _known(fact(facts), attribute))


def _bare(line: str) -> str:
    """A key without its comment; a line with options stays whole, since they change its meaning."""
    parts = line.split()
    return " ".join(parts[:2]) if parts[0].startswith(_KEY_TYPES) else line


def _short(keys: Iterable[str]) -> str:
    """Keys by type and last characters: enough to tell them apart."""
    return words(tuple(f"{k.split()[0]} ...{k[-12:]}" for k in keys))
