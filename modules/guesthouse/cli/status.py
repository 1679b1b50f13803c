"""`guesthouse status`: how hosts and guests are doing now, one question to each host."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from guesthouse.cli import functions
from guesthouse.cli.output import print_json, print_table
from guesthouse.cli.project import Project
from guesthouse.errors import MachineError, UnreachableError

if TYPE_CHECKING:
    from guesthouse.cli.stack import Stack
    from guesthouse.facts.question import Question
    from guesthouse.facts.status import GuestStatus, HostStatus, Status
    from guesthouse.placement import Plan

EXAMPLE = "Example: guesthouse status lab"
# Hosts asked at the same time.
PARALLEL = 32
T = TypeVar("T")


def status(
    stack: Annotated[str, typer.Argument(help="The stack; else the only one, or lab.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print state, health, CPU, memory, disk and network rates of hosts and guests.

    Of SR-IOV cards: who has each virtual function, and what it carries, where that is counted.
    Exits with 4 when a host is unreachable; what is known of the others is printed.
    """
    from guesthouse.cli.stack import default_stack, hosts_only, read_plan
    from guesthouse.facts.status import status as question

    project = Project.find()
    plan = read_plan(project, stack or default_stack(project, "guesthouse status STACK"))
    answers = ask_all(hosts_only(plan), question(), timeout_s=60)
    if as_json:
        print_json(values(plan, answers))
    else:
        _print(plan, answers)
    if any(isinstance(answer, UnreachableError) for answer in answers.values()):
        raise typer.Exit(UnreachableError.exit_code)


def ask_all(opened: Stack, asked: Question[T], timeout_s: float) -> dict[str, T | MachineError]:
    """Every host's answer, or why there was none within ``timeout_s`` (for all hosts together); a
    host of the test driver is left out."""
    from guesthouse.facts.parallel import in_parallel
    from guesthouse.facts.question import read

    end = time.monotonic() + timeout_s
    ssh = opened.ssh

    def ask(name: str) -> T | MachineError:
        sudo = () if ssh.endpoints[name].user == "root" else ("sudo", "-n")
        left = max(end - time.monotonic(), 0.0)
        try:
            result = ssh.run(name, *sudo, "sh", "-c", asked.command, timeout_s=left)
            return read(asked, result.stdout.decode(errors="replace"), f"host {name}")
        except MachineError as error:
            return error

    names = [name for name, item in opened.plan.hosts.items() if item.has_ssh]
    return in_parallel({n: partial(ask, n) for n in names}, lambda name: "", PARALLEL)


Seen = tuple[str, str, "GuestStatus | None"]


def _guests(plan: Plan, answers: dict[str, Status | MachineError]) -> Iterator[Seen]:
    """Each guest's name, the host where it is (or should be), and its status: ours first."""
    found: dict[str, tuple[str, GuestStatus]] = {}
    for host, answer in answers.items():
        if not isinstance(answer, MachineError):
            found |= {name: (host, guest) for name, guest in answer.guests.items()}
    for name, guest in plan.guests.items():
        host, seen = found.pop(name, (guest.host, None))
        yield name, host, seen
    for name, (host, seen) in found.items():
        yield name, host, seen


def _print(plan: Plan, answers: dict[str, Status | MachineError]) -> None:
    rates = ("read kB/s", "write kB/s", "in kB/s", "out kB/s")
    print_table(
        f"Hosts of {plan.identity.mark}",
        ("host", "state", "CPU %", "memory MiB", "of", *rates),
        [_host_row(name, answer) for name, answer in answers.items()],
    )
    print()
    print_table(
        "Guests",
        ("guest", "host", "state", "health", "vCPUs", "CPU %", "memory MiB", "of", *rates),
        [
            _guest_row(plan, answers, name, host, seen)
            for name, host, seen in _guests(plan, answers)
        ],
    )
    rows = [
        row
        for host, answer in answers.items()
        if not isinstance(answer, MachineError)
        for row in functions.rows(host, answer.physical_functions)
    ]
    if rows:
        print()
        print_table("Functions of SR-IOV cards", functions.COLUMNS, rows)


def _host_row(name: str, answer: Status | MachineError) -> tuple[str, ...]:
    if isinstance(answer, MachineError):
        return (name, _failure(answer), *[""] * 7)
    host = answer.host
    memory = (str(host.memory_used_mib), str(host.memory_total_mib))
    return (name, "up", f"{host.cpu_percent:.0f}", *memory, *_rates(host))


def _guest_row(
    plan: Plan,
    answers: dict[str, Status | MachineError],
    name: str,
    host: str,
    seen: GuestStatus | None,
) -> tuple[str, ...]:
    if seen is None:
        return (name, host, _absent(answers, host), *[""] * 9)
    memory = (str(seen.memory_used_mib), str(seen.memory_total_mib))
    state = seen.state if name in plan.guests else f"{seen.state}, not of this site"
    health = seen.health if seen.health in ("", "healthy") else f"{seen.health}: {seen.reason}"
    cpu = (str(seen.vcpus), f"{seen.cpu_percent:.0f}")
    return (name, host, state, health, *cpu, *memory, *_rates(seen))


def _rates(seen: HostStatus | GuestStatus) -> tuple[str, ...]:
    rates = (
        seen.disk_read_bytes_per_s,
        seen.disk_write_bytes_per_s,
        seen.nic_receive_bytes_per_s,
        seen.nic_transmit_bytes_per_s,
    )
    return tuple(f"{rate / 1000:.1f}" for rate in rates)


def _absent(answers: dict[str, Status | MachineError], host: str) -> str:
    """The state of a guest that no host told of: a silent host may still have it."""
    known = host in answers and not isinstance(answers[host], MachineError)
    return "not there" if known else "not known"


def _failure(error: MachineError) -> str:
    return "unreachable" if isinstance(error, UnreachableError) else "does not answer rightly"


def values(plan: Plan, answers: dict[str, Status | MachineError]) -> dict[str, Any]:
    """The status as JSON values, in the units of the fields' names."""
    hosts: dict[str, dict[str, Any]] = {}
    for name, answer in answers.items():
        if isinstance(answer, MachineError):
            hosts[name] = {"state": _failure(answer), "error": str(answer)}
        else:
            cards = {nic: dataclasses.asdict(pf) for nic, pf in answer.physical_functions.items()}
            hosts[name] = {
                "state": "up",
                **dataclasses.asdict(answer.host),
                "physical_functions": cards,
            }
    guests = {
        name: {
            "host": host,
            "declared": name in plan.guests,
            **(dataclasses.asdict(seen) if seen else {"state": _absent(answers, host)}),
        }
        for name, host, seen in _guests(plan, answers)
    }
    return {"stack": plan.identity.stack, "hosts": hosts, "guests": guests}
