"""A stack opened: its plan, what the last `up` told about its guests, and the way in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from guesthouse import sitefile, told
from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project
from guesthouse.errors import LabError, Problem, SiteError
from guesthouse.machine.ssh import Endpoint, SshDirectory
from guesthouse.model import Site
from guesthouse.model.site import did_you_mean
from guesthouse.placement import GuestPlan, Plan, capacity_problems
from guesthouse.placement import plan as work_out
from guesthouse.render import Machine, machines

LAB = "lab"


@dataclass(frozen=True)
class Stack:
    """``machines`` are all that answer ssh: hosts, and guests whose address is known.

    ``told`` are the addresses that guests told the last `up`, by guest.
    """

    plan: Plan
    machines: tuple[Machine, ...]
    told: Mapping[str, tuple[str, ...]]

    @cached_property
    def ssh(self) -> SshDirectory:
        """The ssh files of all machines, with pinned host keys."""
        return SshDirectory([_endpoint(machine) for machine in self.machines])

    def addresses(self, guest: str) -> tuple[str, ...]:
        """All addresses of a guest without prefix length: declared ones first, then told ones."""
        declared = [nic.address.split("/")[0] for nic in self.plan.guests[guest].nics]
        found = (*declared, *self.told.get(guest, ()))
        return tuple(dict.fromkeys(address for address in found if address))

    def machine(self, name: str) -> Machine:
        """A host or guest by name."""
        found = {machine.name: machine for machine in self.machines}
        if name in found:
            return found[name]
        stack, hint = self.plan.identity.stack, ""
        if name in self.plan.guests:
            what = "no address is known" if self.plan.guests[name].login else "no user has a key"
            hint = f"run: guesthouse up {stack}" if self.plan.guests[name].login else ""
            raise SiteError(Problem(f"guest {name}", what, hint=hint))
        raise self._unknown("machine", name, [*self.plan.hosts, *self.plan.guests])

    def guest(self, name: str) -> GuestPlan:
        """A guest's plan by name."""
        if name in self.plan.guests:
            return self.plan.guests[name]
        raise self._unknown("guest", name, [*self.plan.guests])

    def _unknown(self, noun: str, name: str, known: Sequence[str]) -> SiteError:
        return SiteError(
            Problem(
                f"stack {self.plan.identity.stack}",
                f"no such {noun}",
                got=f"'{name}'",
                allowed=", ".join(f"'{name}'" for name in known),
                hint=did_you_mean(name, known),
            )
        )


def read_site(path: Path) -> Site:
    """The valid site of a file; raises SiteError with all problems, located."""
    return sitefile.read(path).checked(capacity_problems)


def read_plan(project: Project, stack: str) -> Plan:
    """The plan of a stack's site file."""
    path = project.site_file(stack)
    if not os.path.lexists(path):
        raise _no_such_stack(project, stack, path)
    try:
        return work_out(read_site(path), project.name, stack)
    except SiteError:
        if stack == LAB and not project.local_file(stack).exists():
            # Its site file lacks what only a running lab knows: ports, keys, images.
            raise LabError(Problem("lab", "is not there", hint="run: guesthouse lab up")) from None
        raise


def open_stack(project: Project, stack: str) -> Stack:
    """The plan, and the machines with what `up` found out about them."""
    plan = read_plan(project, stack)
    return with_outputs(plan, Engine(project).outputs(stack))


def with_outputs(plan: Plan, outputs: Mapping[str, Any]) -> Stack:
    """A stack from its plan and its outputs."""
    guests: Mapping[str, Mapping[str, Any]] = outputs.get("guests") or {}
    addresses = {name: told.address(guest.get("address")) or "" for name, guest in guests.items()}
    keys = {
        name: told.host_keys(guest.get("ssh_host_keys") or ()) for name, guest in guests.items()
    }
    all_told = {
        name: tuple(
            address
            for nic in told.addresses(guest.get("addresses") or {}).values()
            for address in nic
        )
        for name, guest in guests.items()
    }
    return Stack(plan, machines(plan, addresses, keys), all_told)


def hosts_only(plan: Plan) -> Stack:
    """A stack without its guests, for what needs no `up`."""
    return with_outputs(plan, {})


def only_stack(project: Project) -> str:
    """The stack that is meant when none is named: the only one, else the lab; "" for several."""
    names = project.stack_names()
    if len(names) == 1:
        return names[0]
    return LAB if LAB in names or not names else ""


def default_stack(project: Project, naming: str) -> str:
    """As ``only_stack``; SiteError for several, whose hint is ``naming``, the command with STACK
    where its name goes."""
    found = only_stack(project)
    if found:
        return found
    names = ", ".join(f"'{name}'" for name in project.stack_names())
    raise SiteError(Problem("stack", "which one?", allowed=names, hint=f"name it: {naming}"))


def _endpoint(machine: Machine) -> Endpoint:
    return Endpoint(
        name=machine.name,
        address=machine.address,
        port=machine.port,
        user=machine.user,
        identity_file=machine.identity_file,
        host_keys=machine.host_keys,
        via=machine.via,
    )


def _no_such_stack(project: Project, stack: str, path: Path) -> SiteError:
    files = project.stacks.glob("?*.site.yaml")
    known = sorted(file.name.removesuffix(".site.yaml") for file in files)
    return SiteError(
        Problem(
            f"stack {stack}",
            f"there is no site file {project.shown(path)}",
            allowed=", ".join(f"'{name}'" for name in known),
            hint=did_you_mean(stack, known),
        )
    )
