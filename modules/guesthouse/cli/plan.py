"""`guesthouse plan`: what a site comes to on each host, names and addresses worked out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guesthouse.cli.output import print_json, print_table
from guesthouse.cli.project import Project

if TYPE_CHECKING:
    from guesthouse.placement import Plan

EXAMPLE = "Example: guesthouse plan lab"


def plan(
    stack: Annotated[str, typer.Argument(help="The stack, as stacks/STACK.site.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a stack comes to: hosts with memory used, guests with UUIDs and MACs.

    Nothing is written: a guest's host is what the site file declares.
    """
    from guesthouse.cli.stack import read_plan

    found = read_plan(Project.find(), stack)
    if as_json:
        print_json(values(found))
    else:
        _print(found)


def _used_mib(plan: Plan) -> dict[str, int]:
    used: dict[str, int] = defaultdict(int)
    for guest in plan.guests.values():
        used[guest.host] += guest.memory_mib
    return used


def _print(plan: Plan) -> None:
    used = _used_mib(plan)
    per_host = [guest.host for guest in plan.guests.values()]
    print_table(
        f"Hosts of {plan.identity.mark}",
        ("host", "address", "guests", "memory MiB, used", "of"),
        [
            (
                name,
                item.host.address or str(item.host.libvirt_uri),
                str(per_host.count(name)),
                str(used[name]),
                str(item.host.memory_mib or "not declared"),
            )
            for name, item in plan.hosts.items()
        ],
    )
    print()
    print_table(
        "Guests",
        ("guest", "host", "vCPUs", "memory MiB", "UUID"),
        [
            (name, guest.host, str(guest.vcpus), str(guest.memory_mib), guest.uuid)
            for name, guest in plan.guests.items()
        ],
    )
    print()
    print_table(
        "NICs",
        ("guest", "NIC", "network", "MAC", "address"),
        [
            (name, nic.name, nic.network, nic.mac, nic.address or ("DHCP" if nic.dhcp else "none"))
            for name, guest in plan.guests.items()
            for nic in guest.nics
        ],
    )


def values(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; memory in MiB, sizes in bytes. Secrets are names only."""
    used = _used_mib(plan)
    return {
        "site": plan.identity.site,
        "project": plan.identity.project,
        "stack": plan.identity.stack,
        "hosts": {
            name: {
                "address": item.host.address,
                "port": item.host.port,
                "user": item.host.user,
                "libvirt_uri": item.host.libvirt_uri,
                "memory_mib": item.host.memory_mib,
                "memory_mib_used": used[name],
            }
            for name, item in plan.hosts.items()
        },
        "pools": plan.pools,
        "networks": plan.networks,
        "images": plan.images,
        "guests": {
            name: {
                "host": guest.host,
                "uuid": guest.uuid,
                "vcpus": guest.vcpus,
                "memory_mib": guest.memory_mib,
                "firmware": guest.firmware,
                "address": guest.address,
                "login": guest.login,
                "disks": guest.disks,
                "nics": guest.nics,
                "devices": guest.devices,
            }
            for name, guest in plan.guests.items()
        },
        "secrets": plan.secrets,
    }
