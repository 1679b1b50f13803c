"""The ratios as a table: for people at a terminal, and as docs/results/bench.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.rows import Figure, Row
from scratch import CHECKOUT, commit

RESULTS = CHECKOUT / "docs" / "results" / "bench.md"
COLUMNS = ("what", "ours", "peer", "against", "ratio", "goal", "")
VERDICTS = {True: "met", False: "missed", None: "lost in the noise"}
STYLES = {"met": "green", "missed": "bold red"}


def print_rows(found: Iterable[Row | Figure]) -> None:
    """The table for people; figures without a peer below it."""
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(column, header_style="bold")
    figures = []
    for item in found:
        if isinstance(item, Row):
            *cells, verdict = _cells(item)
            style = STYLES.get(verdict)
            table.add_row(*cells, f"[{style}]{verdict}[/]" if style else verdict)
        else:
            figures.append(item)
    console.print(table)
    for figure in figures:
        console.print(f"{figure.name}: {figure.text}")


def write(found: Iterable[Row | Figure]) -> None:
    """The table as it is committed, with date, commit and machine."""
    rows = [item for item in found if isinstance(item, Row)]
    figures = [item for item in found if isinstance(item, Figure)]
    lines = [
        "# Bench: ratios against peers, measured in the same run",
        "",
        f"{datetime.date.today()}, commit {commit()}, {machine()}. Made by `make bench`.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{' --- |' * len(COLUMNS)}",
        *(f"| {' | '.join(_cells(row))} |" for row in rows),
        "",
        *(f"- {figure.name}: {figure.text}" for figure in figures),
    ]
    RESULTS.write_text("\n".join(lines).rstrip() + "\n")


def machine() -> str:
    """Processor, cores and memory of this machine, in words."""
    told = re.search(r"(?m)^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text())
    total = re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())
    memory = f"{int(total[1]) / 2**20:.0f} GiB" if total else "memory unknown"
    name = " ".join(told[1].split()) if told else platform.machine()
    return f"{os.cpu_count()} cores ({name}), {memory}"


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def _cells(row: Row) -> tuple[str, ...]:
    goal = f"{'>=' if row.more_is_better else '<='} {row.goal:g}"
    if row.missing:
        return row.name, "", "", row.against, "", goal, f"not measured: {row.missing}"
    ours, peer = _amount(row.ours, row.unit), _amount(row.peer, row.unit)
    return row.name, ours, peer, row.against, f"{row.ratio:.3g}", goal, VERDICTS[row.met]
