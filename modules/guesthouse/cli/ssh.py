"""`guesthouse ssh`: a shell or a command on a host or a guest, through pinned keys."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.project import Project

if TYPE_CHECKING:
    from guesthouse.machine.ssh import SshDirectory

EXAMPLE = "Example: guesthouse ssh web -- hostname"

Command = Annotated[list[str] | None, typer.Argument(metavar="[-- CMD...]", help="A command.")]


def ssh(
    machine: Annotated[str, typer.Argument(help="A host or a guest.")],
    command: Command = None,
    stack: Annotated[
        str, typer.Option("--stack", "-s", help="The stack; else the only one, or lab.")
    ] = "",
) -> None:
    """Log in to a host or a guest, or run a command there (one argument is shell text)."""
    from guesthouse.cli.stack import default_stack, hosts_only, open_stack, read_plan

    project = Project.find()
    stack = stack or default_stack(project, f"guesthouse ssh -s STACK {machine}")
    plan = read_plan(project, stack)
    # Only guests need the engine's word on their addresses and keys.
    opened = open_stack(project, stack) if machine in plan.guests else hosts_only(plan)
    opened.machine(machine)
    execute(opened.ssh, machine, command or [])


def execute(ssh: SshDirectory, machine: str, command: list[str]) -> None:
    """Become the ssh client: its exit code is the remote command's, 255 when it cannot connect."""
    program, *operands = ssh.command(machine)
    argv = [program, *operands]
    if command:
        # As for ssh itself, a single argument is text for the remote shell.
        text = command[0] if len(command) == 1 else shlex.join(command)
        terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        argv = [program, *terminal, *operands, text]
    os.execvp(argv[0], argv)  # noqa: S606  (no shell is wanted here)
