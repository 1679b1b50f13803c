"""`guesthouse lab`: hypervisor hosts on this machine, and the stack `lab` on them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.output import plural, print_json, print_table, progress, say
from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SiteError
from guesthouse.lab.host import DELAY_MS_MAX, LOSS_PERCENT_MAX, Link

if TYPE_CHECKING:
    from guesthouse.lab.host import Wanted

STACK = "lab"


class Power(StrEnum):
    ON = "on"
    OFF = "off"


class Carrier(StrEnum):
    UP = "up"
    DOWN = "down"


app = typer.Typer(
    no_args_is_help=True,
    help="Hypervisor hosts on this machine, as the site file of the stack `lab` declares them.",
    epilog="Example: guesthouse lab up",
)


@app.command(epilog="Example: guesthouse lab up")
def up(
    one_segment: Annotated[
        bool | None,
        typer.Option(
            "--one-segment/--two-segments",
            help="The hosts' trunks and SR-IOV cards on one segment, or on two (a new lab's "
            "default). Without it a lab keeps what it has.",
        ),
    ] = None,
) -> None:
    """Build images, boot the lab's hosts, prepare the stack `lab`. Quick when all is there."""
    from guesthouse.lab import lab

    project = Project.find()
    wanted, images = _wanted(project)
    with progress("the lab") as tell:
        state = lab.up(project.root, wanted, images, tell, one_segment)
        made = _prepare_stack(project)
    for name in made:
        say(f"secret '{name}': a random value is in the stack's configuration")
    say(f"lab: {plural(len(state.hosts), 'host')} up")


@app.command(epilog="Example: guesthouse lab build")
def build() -> None:
    """Build the images, and the emulator if one is needed, that `lab up` would; start nothing."""
    from guesthouse.lab import new

    wanted, images = _wanted(Project.find())
    with progress("the lab's images") as tell:
        new.build(wanted, images, tell)


@app.command(epilog="Example: guesthouse lab down")
def down() -> None:
    """Take the lab, its disks and the state of the stack `lab` away. Caches stay."""
    from guesthouse.cli.forget import close_connections, forget_stack
    from guesthouse.lab import lab

    project = Project.find()
    close_connections(project)
    with progress("the lab") as tell:
        was_there = lab.down(project.root, tell)
    # Its hosts are gone, and everything that the state tells of with them.
    forgotten = forget_stack(project, STACK, shared=was_there)
    say("lab: gone" if was_there or forgotten else "lab: nothing to take down")


@app.command(epilog="Example: guesthouse lab status --json")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the lab's hosts: whether they run, where their ssh and their serial log are, and what
    their trunks are like."""
    from guesthouse.lab import lab

    project = Project.find()
    state = lab.status(project.root)
    if state is None:
        raise lab.not_there()
    folder = project.shown(project.home / "lab")
    hosts = {
        item.host.name: {
            "kind": item.host.kind,
            "state": "running" if item.running else "stopped",
            "pid": item.pid,
            "ssh_port": item.host.ssh_port,
            "serial_log": f"{folder}/{item.host.serial_log}",
            "link": "up" if item.link.up else "down",
            "delay_ms": item.link.delay_ms,
            "loss_percent": item.link.loss_percent,
        }
        for item in state.hosts
    }
    if as_json:
        images = {image.name: image.sha256 for image in state.images}
        told = {"accelerator": state.accelerator, "one_segment": state.one_segment}
        print_json({**told, "hosts": hosts, "images": images})
        return
    shown = ("kind", "state", "pid", "ssh_port", "serial_log")
    rows = [
        (name, *(str(hosts[name][key]) for key in shown), str(item.link))
        for name, item in zip(hosts, state.hosts, strict=True)
    ]
    print_table(
        f"Lab ({state.accelerator})" if state.accelerator else "Lab",
        ("host", "kind", "state", "process", "ssh port", "serial log", "link"),
        rows,
    )


@app.command(epilog="Example: guesthouse lab power h2 off")
def power(
    host: Annotated[str, typer.Argument(metavar="HOST", help="A host of the lab.")],
    switch: Annotated[Power, typer.Argument(metavar="on|off", help="What it gets.")],
) -> None:
    """Cut a host's power, or give it back and wait until its libvirt answers."""
    from guesthouse.lab import lab

    project = Project.find()
    with progress("the lab") as tell:
        lab.power(project.root, host, switch is Power.ON, tell)
    say(f"host {host}: power {switch.value}")


@app.command(epilog="Example: guesthouse lab link h2 up --delay-ms 100 --loss-percent 5")
def link(
    host: Annotated[str, typer.Argument(metavar="HOST", help="A host of the lab.")],
    state: Annotated[Carrier, typer.Argument(metavar="up|down", help="The wire whole, or cut.")],
    delay_ms: Annotated[
        int | None,
        typer.Option(min=0, max=DELAY_MS_MAX, help="With 'up': how late frames are, each way."),
    ] = None,
    loss_percent: Annotated[
        int | None,
        typer.Option(min=0, max=LOSS_PERCENT_MAX, help="With 'up': how many are lost, each way."),
    ] = None,
) -> None:
    """Cut the wire of a host's trunk (its NIC loses its carrier), slow it, or make it whole."""
    from guesthouse.lab import lab

    if state is Carrier.DOWN and (delay_ms, loss_percent) != (None, None):
        raise typer.BadParameter("delay and loss are for a link that is up")
    wanted = Link(state is Carrier.UP, delay_ms or 0, loss_percent or 0)
    lab.link(Project.find().root, host, wanted)
    say(f"host {host}: link {wanted}")


@app.command(epilog="Example: guesthouse lab ssh h2 -- virsh list --all")
def ssh(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[HOST] [-- CMD...]", help="A host of the lab, and a command."),
    ] = None,
) -> None:
    """Log in to a host of the lab (the first, if none is named), or run a command there."""
    from guesthouse.cli.ssh import execute
    from guesthouse.lab import lab
    from guesthouse.machine.ssh import SshDirectory

    machines = SshDirectory(lab.endpoints(Project.find().root))
    if not machines.endpoints:
        raise lab.not_there()
    command = list(words or [])
    named = bool(command) and command[0] in machines.endpoints
    host = command.pop(0) if named else next(iter(machines.endpoints))
    execute(machines, host, command)


def _wanted(project: Project) -> tuple[tuple[Wanted, ...], list[str]]:
    """The hosts that the site file asks for, and which images of the lab it names. Much of the rest
    of it is not there before the lab."""
    from guesthouse import sitefile
    from guesthouse.lab.host import Wanted
    from guesthouse.lab.images import GUESTS

    file = sitefile.read(project.site_file(STACK))
    wrong = [problem for problem in file.problems if problem.path[:1] in ((), ("lab",))]
    if wrong or file.site is None:
        raise SiteError(*(wrong or file.problems))
    if not file.site.lab:
        where = project.shown(project.site_file(STACK))
        hint = "say which hosts it makes, as in 'lab: {h1: {}}' (docs/reference.md, lab)"
        raise SiteError(Problem(f"{where} lab", "is required", hint=hint))
    places = file.site.lab.items()
    wanted = tuple(Wanted(name, place.kind, place.segments) for name, place in places)
    return wanted, [name for name in file.site.images if name in GUESTS]


def _prepare_stack(project: Project) -> list[str]:
    """The stack `lab` exists and has its secrets, random ones; gives the names of new ones."""
    from guesthouse.cli import vault
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.stack import read_plan

    if not project.site_file(STACK).is_file():
        return []
    plan = read_plan(project, STACK)
    if not vault.missing(project, plan):
        return []
    engine = Engine(project)
    engine.ensure_stack(STACK)
    return vault.generate(engine, plan)
