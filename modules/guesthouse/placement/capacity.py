"""Capacity: what guests declare must fit what their hosts declare."""

from __future__ import annotations

from collections import defaultdict

from guesthouse.errors import Problem
from guesthouse.model import Site, SriovNetwork
from guesthouse.model.problems import ruled


def problems(site: Site) -> list[Problem]:
    """Hosts whose guests need more memory (MiB) than the host has, guests with too many vCPUs.

    Memory is never promised twice; vCPUs of different guests may share a core, but one guest
    with more vCPUs than the host has cores only gets slower.
    """
    found = []
    needed: dict[str, dict[str, int]] = defaultdict(dict)
    for name, guest in site.guests.items():
        needed[guest.host][name] = guest.memory_mib
    for host_name, guests in needed.items():
        host = site.hosts.get(host_name)
        if host is None:
            continue
        total = sum(guests.values())
        if host.memory_mib is not None and total > host.memory_mib:
            found.append(_memory_problem(host_name, host.memory_mib, total, guests))
        for name in guests:
            vcpus = site.guests[name].vcpus
            if host.vcpus is not None and vcpus > host.vcpus:
                path = ("guests", name, "vcpus")
                found.append(
                    Problem(
                        ".".join(path),
                        f"more vCPUs than host '{host_name}' has",
                        got=str(vcpus),
                        allowed=f"at most {host.vcpus}",
                        path=path,
                    )
                )
    return [*ruled("capacity", [*found, *_virtual_functions(site)])]


def _virtual_functions(site: Site) -> list[Problem]:
    """Physical functions whose guests need more virtual functions than libvirt can hand out.

    A guest that is off counts too: it is to start when somebody starts it.
    """
    needed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, guest in site.guests.items():
        for nic_name, nic in guest.nics.items():
            network = site.networks.get(nic.network)
            if isinstance(network, SriovNetwork):
                needed[guest.host, network.physical_function].append(f"{name}.{nic_name}")
    found = []
    for (host, name), nics in needed.items():
        declared = site.hosts[host].physical_functions if host in site.hosts else {}
        if name not in declared:
            continue
        count, fixed = declared[name].virtual_functions, len(declared[name].fixed)
        if len(nics) > count - fixed:
            path = ("hosts", host, "physical_functions", name, "virtual_functions")
            what = f"{len(nics)} NICs of guests need one each ({', '.join(nics)})"
            kept = f", of which {fixed} are fixed" if fixed else ""
            allowed, hint = f"at least {len(nics) + fixed}", "raise it, or move guests away"
            found.append(Problem(".".join(path), what, f"{count}{kept}", allowed, hint, path))
    return found


def _memory_problem(
    host: str, capacity_mib: int, total_mib: int, guests: dict[str, int]
) -> Problem:
    path = ("hosts", host, "memory_mib")
    largest = sorted(guests.items(), key=lambda item: (-item[1], item[0]))[:3]
    names = ", ".join(f"{name} ({mib})" for name, mib in largest)
    many = len(guests) > 1
    return Problem(
        ".".join(path),
        f"the {len(guests)} guests of host '{host}' need {total_mib} MiB"
        if many
        else f"the guest of host '{host}' needs {total_mib} MiB",
        got=f"a capacity of {capacity_mib} MiB",
        hint=f"the largest are {names}: move one to another host or make it smaller"
        if many
        else f"move {next(iter(guests))} to another host or make it smaller",
        path=path,
    )
