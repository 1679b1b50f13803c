"""`guesthouse metrics`: what hosts and guests have counted, for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guesthouse.cli.project import Project
from guesthouse.errors import Problem, SetupError

EXAMPLE = "Example: guesthouse metrics lab --listen 127.0.0.1:9877"
LOOPBACK = "127.0.0.1"


def metrics(
    stack: Annotated[str, typer.Argument(help="The stack, as stacks/STACK.site.yaml.")],
    listen: Annotated[
        str,
        typer.Option(metavar="[ADDRESS:]PORT", help="Serve /metrics until Ctrl-C; on loopback."),
    ] = "",
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds that all hosts have for an answer.")
    ] = 8.0,
    textfile: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", exists=True, file_okay=False, help="Add the *.prom files of a folder."
        ),
    ] = None,
) -> None:
    """Print counters of hosts, pools, guests and virtual functions in Prometheus' text format.

    A host that does not answer is `guesthouse_host_up 0`; printing then exits with 3 or 4. A server
    asks at each scrape, ends with 0, and is started anew when the site file changes.
    """
    from prometheus_client import generate_latest

    from guesthouse.cli.families import registry
    from guesthouse.cli.scrape import StackCollector, serve
    from guesthouse.cli.stack import read_plan

    where = address(listen) if listen else None
    collector = StackCollector(read_plan(Project.find(), stack), timeout, textfile)
    if where:
        serve(collector, *where)
        return
    typer.echo(generate_latest(registry(collector)), nl=False)
    if collector.silent:
        raise typer.Exit(max(error.exit_code for error in collector.silent.values()))


def address(text: str) -> tuple[str, int]:
    """``9877``, ``127.0.0.1:9877``, ``[::1]:9877`` -> address and port."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or text.startswith(":"):
        what = "is no address and port"
        raise SetupError(Problem("--listen", what, got=f"'{text}'", allowed="[ADDRESS:]PORT"))
    return host.strip("[]") or LOOPBACK, int(port)
