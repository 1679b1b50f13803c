"""`guesthouse measure`: how fast guests send to each other, by virtio and by virtual functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guesthouse.cli.output import plural, print_error, print_json, print_table, progress, stdout
from guesthouse.cli.project import Project
from guesthouse.errors import MachineError, Problem

if TYPE_CHECKING:
    from guesthouse.cli.lanes import Lane
    from guesthouse.cli.stack import Stack
    from guesthouse.cli.throughput import Result
    from guesthouse.facts.iperf import GuestFact, HostFact

EXAMPLE = "Example: guesthouse measure lab --seconds 10 near remote"
EMULATED = "emulated hardware: figures say nothing about real cards"
# Machines asked at the same time.
PARALLEL = 16


def measure(
    stack: Annotated[str, typer.Argument(help="The stack, as stacks/STACK.site.yaml.")],
    between: Annotated[
        list[str] | None, typer.Argument(metavar="[FROM TO]", help="Two guests; else all pairs.")
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="Of each round.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Of each pair and path.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure with iperf3 how fast running guests on one network send to each other (TCP).

    One pair at a time. Exits with 3 or 4 when a pair could not be measured; the others are printed.
    """
    from guesthouse.cli import throughput
    from guesthouse.cli.lanes import lanes
    from guesthouse.cli.stack import open_stack

    opened = open_stack(Project.find(), stack)
    wanted = lanes(opened, between or ())
    with progress(f"measuring {stack}") as tell:
        hosts = _hosts(opened, wanted)
        wanted = _running(opened, wanted, hosts, tell)
        guests = _guests(opened, wanted)
        paths, least = plural(len(wanted), "path"), len(wanted) * rounds * seconds
        tell(f"{paths}, {plural(rounds, 'round')} each: {least} s and some more")
        results = [
            throughput.measured(opened, lane, guests, seconds, rounds, tell) for lane in wanted
        ]
    machines = {end.host for lane in wanted for end in (lane.source, lane.target)}
    emulated = sorted(name for name in machines if hosts[name].emulated)
    if as_json:
        how = {"stack": stack, "seconds": seconds, "rounds": rounds}
        print_json({**how, **values(results, emulated)})
    else:
        _print(stack, results, emulated)
    failures = [result.error for result in results if result.error]
    for error in failures:
        print_error(error)
    if failures:
        raise typer.Exit(max(error.exit_code for error in failures))


def _hosts(opened: Stack, wanted: Iterable[Lane]) -> dict[str, HostFact]:
    from guesthouse.facts import iperf
    from guesthouse.facts.parallel import in_parallel
    from guesthouse.facts.question import read

    question = iperf.host()

    def ask(name: str) -> HostFact:
        sudo = () if opened.ssh.endpoints[name].user == "root" else ("sudo", "-n")
        result = opened.ssh.run(name, *sudo, "sh", "-c", question.command, timeout_s=60)
        return read(question, result.stdout.decode(errors="replace"), f"host {name}")

    names = dict.fromkeys(end.host for lane in wanted for end in (lane.source, lane.target))
    return in_parallel({n: partial(ask, n) for n in names}, lambda name: "", PARALLEL)


def _running(
    opened: Stack,
    wanted: Iterable[Lane],
    hosts: dict[str, HostFact],
    tell: Callable[[str], None],
) -> tuple[Lane, ...]:
    """The lanes whose guests run and have an address; raises MachineError when none is left."""
    off: dict[str, str] = {}
    left = []
    for lane in wanted:
        idle = [e for e in (lane.source, lane.target) if e.guest not in hosts[e.host].running]
        off |= {end.guest: end.host for end in idle}
        if not idle:
            left.append(lane)
    if not left:
        hint = f"run: guesthouse up {opened.plan.identity.stack}"
        raise MachineError(
            *(Problem(f"guest {g}", f"does not run on host {h}", hint=hint) for g, h in off.items())
        )
    for guest in off:
        tell(f"guest {guest} does not run: left out")
    return tuple(left)


def _guests(opened: Stack, wanted: Iterable[Lane]) -> dict[str, GuestFact | MachineError]:
    """What the guests say, or why it cannot be used; raises MachineError with all of them that
    lack iperf3."""
    from guesthouse.facts import iperf
    from guesthouse.facts.access import Access
    from guesthouse.facts.parallel import in_parallel
    from guesthouse.facts.question import read

    names = dict.fromkeys(end.guest for lane in wanted for end in (lane.source, lane.target))
    for name in names:
        opened.machine(name)
    access, question = Access(opened.ssh), iperf.guest()

    def ask(name: str) -> GuestFact | MachineError:
        try:
            return read(question, access.runner(name)(question.command), f"guest {name}")
        except MachineError as error:
            return error

    found = in_parallel(
        {n: partial(ask, n) for n in names},
        lambda name: opened.plan.guests[name].host,
        PARALLEL,
    )
    facts = {name: fact for name, fact in found.items() if not isinstance(fact, MachineError)}
    lacking = [name for name, fact in facts.items() if not fact.has_iperf3]
    if lacking:
        hint = "add it to cloud_init.packages (or install it there by hand)"
        raise MachineError(*(Problem(f"guest {n}", "has no iperf3", hint=hint) for n in lacking))
    return found


def values(results: Sequence[Result], emulated: Sequence[str]) -> dict[str, Any]:
    """The results as JSON values; a pair without rounds has an ``error``."""
    from guesthouse.cli.throughput import compared

    return {
        "emulated_hosts": emulated,
        "note": EMULATED if emulated else "",
        "paths": [result.values() for result in results],
        "compared": [comparison.values() for comparison in compared(results)],
    }


def _print(stack: str, results: Sequence[Result], emulated: Sequence[str]) -> None:
    from guesthouse.cli.throughput import compared

    columns = (
        *("from", "on host", "to", "on host", "network", "path"),
        *("Mbit/s", "min..max", "retransmits"),
    )
    print_table(f"TCP throughput in {stack}", columns, [result.row() for result in results])
    if emulated:
        stdout().print(f"{', '.join(emulated)}: {EMULATED}", markup=False)
    for comparison in compared(results):
        stdout().print(str(comparison), markup=False)
