"""``python tests/races/interrupts.py [--rounds N] [--seed N]``: `guesthouse up` of 40 guests,
interrupted N times (30) at moments by chance, by SIGINT, SIGTERM and both, to its process group.

The real engine, libvirt's test driver. The table goes to docs/results/interrupts.md.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "provider")]

from interrupted import Interrupted, Outcome, drawn  # noqa: E402
from project import EngineProject  # noqa: E402

from scratch import commit  # noqa: E402

GUESTS = 40


def row(index: int, found: Outcome) -> str:
    faults = "; ".join(found.faults(GUESTS)).partition("\n")[0] or "none"
    sent, after_s = found.interrupt.signals, found.interrupt.after_s
    return f"| {index} | {sent} | {after_s:.2f} | {found.code} | {found.took_s:.1f} | {faults} |"


def table(found: list[Outcome], seed: int, longest_s: float) -> str:
    well = sum(not each.faults(GUESTS) for each in found)
    slowest = max(each.took_s for each in found)
    lines = [
        f"# Interrupts: a `guesthouse up` of {GUESTS} guests",
        "",
        f"{datetime.date.today()}, commit {commit()}: {well} of {len(found)} well, the slowest",
        f"ended after {slowest:.1f} s. Made by `python tests/races/interrupts.py`, seed {seed},",
        f"the real engine and libvirt's test driver. A whole `up` takes {longest_s:.1f} s. Well:",
        "it ends in under 20 s without a traceback, leaves no lock and no process, and the next",
        "`up` makes all guests.",
        "",
        "| round | signal | sent after, s | exit code | ended after, s | faults |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *(row(*each) for each in enumerate(found, 1))]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=19)
    options = parser.parse_args()
    found: list[Outcome] = []
    with TemporaryDirectory(prefix="gh-interrupts-") as folder:
        project = EngineProject(Path(folder) / "project")
        project.write(count=GUESTS)
        project.secret("web_password", "correct-horse-battery")
        interrupted = Interrupted(project)
        longest_s = interrupted.up()
        for each in drawn(options.seed, options.rounds, longest_s):
            found.append(interrupted.round(each))
            print(row(len(found), found[-1]), flush=True)
            if found[-1].faults(GUESTS):
                print(found[-1].said, flush=True)
    (CHECKOUT / "docs/results/interrupts.md").write_text(table(found, options.seed, longest_s))
    return 0 if not any(each.faults(GUESTS) for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
