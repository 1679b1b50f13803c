"""How people and tools get in: ssh config, Ansible inventory, testinfra hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guesthouse.placement import GuestPlan, Plan
from guesthouse.render.templates import render


@dataclass(frozen=True)
class Machine:
    """A host or a guest that answers ssh; ``via`` is the host to jump through."""

    name: str
    address: str
    port: int
    user: str
    identity_file: str
    host_keys: tuple[str, ...]
    via: str
    is_guest: bool


@dataclass(frozen=True)
class AccessView:
    """What ``site/ssh_config.j2`` sees."""

    mark: str
    machines: tuple[Machine, ...]


def machines(
    plan: Plan,
    addresses: Mapping[str, str],
    host_keys: Mapping[str, Sequence[str]],
) -> tuple[Machine, ...]:
    """All machines of a plan. ``addresses`` and ``host_keys`` are what guests told, by name."""
    hosts = [
        Machine(
            name=name,
            address=item.host.address,
            port=item.host.port,
            user=item.host.user,
            identity_file=item.host.identity_file or "",
            host_keys=tuple(item.host.host_keys),
            via="",
            is_guest=False,
        )
        for name, item in plan.hosts.items()
        if item.has_ssh
    ]
    guests = [
        _guest(guest, guest.address or addresses.get(name, ""), host_keys.get(name, ()))
        for name, guest in plan.guests.items()
        if guest.login and plan.hosts[guest.host].has_ssh
    ]
    return (*hosts, *(guest for guest in guests if guest.address))


def _guest(guest: GuestPlan, address: str, host_keys: Sequence[str]) -> Machine:
    # A key that was declared by its .pub file has its private half beside it.
    files = [key.file for key in guest.users[guest.login].ssh_keys if key.file]
    identity = next((file.removesuffix(".pub") for file in files if file.endswith(".pub")), "")
    return Machine(
        name=guest.name,
        address=address,
        port=22,
        user=guest.login,
        identity_file=identity,
        host_keys=tuple(host_keys),
        via=guest.host,
        is_guest=True,
    )


def ssh_config(mark: str, found: Sequence[Machine]) -> str:
    """An ssh_config(5) with pinned host keys inside; guests are reached through their host."""
    return render("site/ssh_config.j2", view=AccessView(mark, tuple(found)))


def ansible_inventory(found: Sequence[Machine]) -> dict[str, Any]:
    """An Ansible inventory (YAML's shape) that relies on the ssh config for all connections."""

    def group(guests: bool) -> dict[str, Any]:
        return {"hosts": {m.name: {"ansible_user": m.user} for m in found if m.is_guest is guests}}

    return {"all": {"children": {"hypervisors": group(False), "guests": group(True)}}}


def testinfra_hosts(found: Sequence[Machine]) -> list[str]:
    """Host specifications for ``pytest --hosts``, used with the ssh config."""
    return [f"ssh://{m.name}" for m in found]
