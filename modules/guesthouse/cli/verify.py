"""`guesthouse verify`: is everything on the machines as declared?"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guesthouse.cli.output import (
    escape,
    print_json,
    print_table,
    progress,
    stdout,
    write_text,
)
from guesthouse.cli.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guesthouse.checks import Finding
    from guesthouse.cli.stack import Stack

EXAMPLE = "Example: guesthouse verify lab --junit report.xml"

Patience = Annotated[
    float | None,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        min=0,
        help="How long to wait for a machine that does not answer; else a guest's timeout_s.",
    ),
]


def verify(
    stack: Annotated[str, typer.Argument(help="The stack, as stacks/STACK.site.yaml.")],
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML for CI.")
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option("--metrics", metavar="FILE.prom", help="Write the counts for Prometheus."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print what passed, too.")
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte of the images on the hosts.")
    ] = False,
    patience_s: Patience = None,
) -> None:
    """Look at every declared attribute on the running machines.

    Exits with 1 when anything is not as declared, or could not be looked at.
    """
    from guesthouse.checks import after, green, report
    from guesthouse.cli.stack import open_stack
    from guesthouse.facts.access import Access

    project = Project.find()
    opened = open_stack(project, stack)
    with progress(f"verifying {stack}") as tell:
        findings = after.verify(
            opened.plan, Access(opened.ssh, patience_s), tell, deep=deep, patience_s=patience_s
        )
    _write_reports(stack, findings, junit, metrics)
    if as_json:
        print_json(report.values(stack, findings))
    else:
        _print(opened, findings, _login(project, stack), verbose)
    if not green(findings):
        raise typer.Exit(1)


def _print(opened: Stack, findings: Sequence[Finding], login: str, verbose: bool) -> None:
    from guesthouse.checks import report

    console = stdout()
    if verbose:
        for finding in findings:
            if finding.status == "passed":
                what = f"{finding.path}: {finding.what} (on {finding.machine}): {finding.seen}"
                console.print(f"[green]passed[/] {escape(what)}")
    for line in report.text(findings).splitlines():
        colour = "bold red" if line.startswith(("FAILED", "NOT CHECKED:")) else ""
        console.print(escape(line), style=colour)
    print()
    columns = ("machine", "on host", "addresses", "checks passed", "to log in")
    print_table(f"Stack {opened.plan.identity.stack}", columns, _rows(opened, findings, login))


def _rows(
    opened: Stack, findings: Sequence[Finding], login: str
) -> Iterator[tuple[str, str, str, str, str]]:
    """Hosts, then guests; a check counts for the machine where it was looked at."""
    from guesthouse.checks import report

    counts = dict(report.machines(findings))
    reachable = {machine.name for machine in opened.machines}

    def rest(name: str) -> tuple[str, str]:
        numbers = counts.get(name, {})
        passed = f"{numbers.get('passed', 0)} of {sum(numbers.values())}"
        return passed, f"{login} {name}" if name in reachable else ""

    for name, item in opened.plan.hosts.items():
        yield (name, "", item.host.address or str(item.host.libvirt_uri), *rest(name))
    for name, guest in opened.plan.guests.items():
        yield (name, guest.host, ", ".join(opened.addresses(name)) or "not known", *rest(name))


def _login(project: Project, stack: str) -> str:
    """The command that logs in, as it works in the user's shell."""
    from guesthouse.cli.stack import only_stack

    command = "guesthouse" if shutil.which("guesthouse") else ".venv/bin/guesthouse"
    return f"{command} ssh" if only_stack(project) == stack else f"{command} ssh -s {stack}"


def _write_reports(
    stack: str, findings: Sequence[Finding], junit: Path | None, metrics: Path | None
) -> None:
    from guesthouse.checks import report

    if junit is not None:
        write_text(junit, report.junit(stack, findings))
    if metrics is not None:
        from guesthouse.cli import textfile

        textfile.write(metrics, textfile.verified(stack, findings))
