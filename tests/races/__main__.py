"""``python tests/races [--rounds N]``: two `guesthouse up` at once on one stack, N times (20).

On a bucket of a real S3 server from two checkouts: as it comes, and made to tie, so that both runs
give up at first; and on the file backend, twice in one folder. The table goes to
docs/results/races.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "provider")]

from project import EngineProject  # noqa: E402
from rivals import PROGRAM, Race, copy_of, race  # noqa: E402

from s3 import ENV, Tie, s3_server  # noqa: E402
from scratch import commit  # noqa: E402


@dataclass(frozen=True)
class Round:
    """One race, and how often a run wrote its lock (0: not known)."""

    backend: str
    race: Race
    writes: int

    @property
    def row(self) -> str:
        """Seconds are from the common start."""
        found = self.race
        verdict = "yes" if found.well else "NO"
        told, done = f"{found.loser.seconds:.1f}", f"{found.winner.seconds:.1f}"
        return f"| {self.backend} | {verdict} | {self.writes or '-'} | {told} | {done} |"


def project_in(folder: Path, backend: str) -> EngineProject:
    made = EngineProject(folder, PROGRAM, backend)
    made.write()
    made.secret("web_password", "correct-horse-battery")
    return made


def on_files(folder: Path, rounds: int) -> Iterator[Round]:
    project = project_in(folder / "project", "")
    for _ in range(rounds):
        yield Round("files", race(project, project), 0)


def on_s3(folder: Path, rounds: int) -> Iterator[Round]:
    os.environ.update(ENV)
    with s3_server(folder) as server:
        proxy = Tie(server.port)
        project = project_in(folder / "one", server.bucket("team", proxy.port).url)
        other = copy_of(project, folder / "two")
        for backend, arm in (("S3", False), ("S3, made to tie", True)):
            for _ in range(rounds):
                proxy.arm(arm)
                yield Round(backend, race(project, other), proxy.writes)
        proxy.close()


def table(found: list[Round]) -> str:
    lines = [
        "# Races: two `guesthouse up` at once",
        "",
        f"{datetime.date.today()}, commit {commit()}. Made by `python tests/races`: the real",
        "engine, libvirt's test driver, a real S3 server. `well`: one exits 0; the other 8, told",
        "once that the engine of the first holds the lock, and since when. `both gave up`: three",
        "lock writes or more; two are one that wrote, saw the winner's and took its own back.",
        "",
        "| backend | races | well | both gave up at first | loser told after, median (largest) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for backend in dict.fromkeys(each.backend for each in found):
        rounds = [each for each in found if each.backend == backend]
        well = sum(each.race.well for each in rounds)
        tied = sum(each.writes >= 3 for each in rounds) if rounds[0].writes else "-"
        told = [each.race.loser.seconds for each in rounds]
        seconds = f"{median(told):.1f} s ({max(told):.1f} s)"
        lines.append(f"| {backend} | {len(rounds)} | {well} | {tied} | {seconds} |")
    lines += ["", "## Each race", "", "| backend | well | lock writes | told, s | done, s |"]
    lines += ["| --- | --- | --- | --- | --- |", *(each.row for each in found)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    found: list[Round] = []
    for run in (on_s3, on_files):
        with TemporaryDirectory(prefix="gh-races-") as folder:
            for each in run(Path(folder), rounds):
                found.append(each)
                print(each.row, flush=True)
                if not each.race.well:
                    print(each.race, flush=True)
    (CHECKOUT / "docs/results/races.md").write_text(table(found))
    return 0 if all(each.race.well for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
