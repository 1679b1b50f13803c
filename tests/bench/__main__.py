"""``python tests/bench [--json] [--quick] [--only NAME] [--lab [FOLDER]] [--write]``: the ratios.

It reports and is no test: a missed goal does not change the exit code. A part that fails says why,
the others are measured all the same, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = CHECKOUT / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "provider")]

from bench import (  # noqa: E402
    calling,
    changing,
    disks,
    guests,
    importing,
    previewing,
    reading,
    refreshing,
    rendering,
    scale,
    table,
)
from bench.rows import Figure, Row  # noqa: E402

PARTS: dict[str, Callable[[bool], Iterable[Row | Figure]]] = {
    "reading": reading.rows,
    "rendering": rendering.rows,
    "importing": importing.rows,
    "disks": disks.rows,
    "previewing": previewing.rows,
    "scale": scale.rows,
    "calling": calling.rows,
    "refreshing": refreshing.rows,
    # Makes guests on the lab's h1 and p1, which may be in use: only when it is asked for by --lab.
    "guests": lambda quick: guests.not_measured("guesthouse lab up, then --lab"),
    "changing": lambda quick: changing.not_measured("guesthouse lab up, then --lab"),
}


def measured(names: Iterable[str], quick: bool) -> tuple[list[Row | Figure], list[str]]:
    """All rows of the named parts, and the parts that failed; each says so at once."""
    found: list[Row | Figure] = []
    failed: list[str] = []
    for name in names:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        try:
            found += PARTS[name](quick)
        except Exception as error:
            failed.append(name)
            print(f"failed: {name}\n{_why(error)}", file=sys.stderr, flush=True)
    return found, failed


def _why(error: Exception) -> str:
    """What a program said that ended badly; for all else where it happened."""
    if isinstance(error, subprocess.CalledProcessError):
        said = f"{error.stdout or ''}{error.stderr or ''}".strip()
        return f"{error}\n{said}".rstrip()
    return "".join(traceback.format_exception(error)).rstrip()


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(prog="python tests/bench")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="smaller sites, fewer rounds")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only")
    parser.add_argument("--write", action="store_true", help="to docs/results/bench.md too")
    lab_help = "also on the lab of this project (this checkout's): it must be free"
    parser.add_argument(
        "--lab", nargs="?", type=Path, const=CHECKOUT, metavar="FOLDER", help=lab_help
    )
    options = parser.parse_args()
    if options.lab:
        PARTS.update(
            guests=partial(guests.rows, options.lab), changing=partial(changing.rows, options.lab)
        )
    # An end from outside is an exception too, so that what was made is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engine = CHECKOUT / ".guesthouse" / "engine"
    os.environ["PATH"] = f"{engine}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    found, failed = measured(options.only or PARTS, options.quick)
    if options.json:
        more = [{"ratio": r.ratio, "met": r.met} if isinstance(r, Row) else {} for r in found]
        lines = [asdict(row) | extra for row, extra in zip(found, more, strict=True)]
        print(json.dumps(lines, indent=2))
    else:
        table.print_rows(found)
    whole = not (failed or options.quick or options.only)
    if options.write and whole and not any(getattr(row, "missing", "") for row in found):
        table.write(found)
    if failed:
        sys.exit(f"not measured, see above: {', '.join(failed)}")


if __name__ == "__main__":
    main()
