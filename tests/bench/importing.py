"""What the program imports, against ``import pulumi``; in fresh processes, by CPU time."""

from __future__ import annotations

import subprocess
import sys

from bench.rows import Row, children_cpu_s, in_turn

PEER = "import pulumi"
OURS = """\
import pulumi
from guesthouse import placement, sitefile
from guesthouse.checks.admission import admit
from guesthouse.components import SiteComponent, host_facts
"""


def _import_s(text: str) -> float:
    command = [sys.executable, "-c", text]
    return children_cpu_s(lambda: subprocess.run(command, check=True))


def rows(quick: bool) -> list[Row]:
    """Both compiled already."""
    _import_s(OURS)
    ours, peer = in_turn(3 if quick else 9, lambda: _import_s(OURS), lambda: _import_s(PEER))
    return [Row("import of the toolkit", "import pulumi", 1.3, False, ours, peer)]
