"""``engine/libvirt/private-libvirtd.sh python tests/faults [--control] [--every N] [--fresh]``

Kills the provider or the engine at machine calls of a guest's create, update, restart and delete,
before and after each call that changes something, and looks what one `guesthouse up` makes of it.
``--control`` does the same to upstream's plugin (provider only). ``--every N``: a sample. Results
are kept point by point (a run that was cut off goes on) and written to docs/results/faults.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "provider")]

from faults import table  # noqa: E402
from faults.stock import Stock  # noqa: E402
from faults.wire import Call  # noqa: E402
from faults.world import World  # noqa: E402

# (operation, shape before, shape after); None: no guest.
OPERATIONS: tuple[tuple[str, int | None, int | None], ...] = (
    ("create", None, 0),
    ("update", 0, 1),
    ("restart", 0, 2),
    ("delete", 0, None),
)


@dataclass(frozen=True)
class Point:
    """One death: at which call of which operation, on which side of it, of whom."""

    operation: str
    call: Call
    before: bool
    victim: str

    def __str__(self) -> str:
        side = "before" if self.before else "after"
        return f"{self.operation} {side} {self.call} {self.victim}"


def points(operation: str, calls: list[Call], control: bool, changing: bool) -> Iterator[Point]:
    """Points of one operation whose calls were counted: both sides of what changes something, or
    one side of what only reads (the other one is the next call's)."""
    for call in calls:
        if call.changes and changing:
            for victim in ("provider",) if control else ("provider", "engine"):
                yield Point(operation, call, True, victim)
                yield Point(operation, call, False, victim)
        elif not call.changes and not changing:
            yield Point(operation, call, True, "provider")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--count", action="store_true", help="no deaths: print JSON of the calls")
    options = parser.parse_args()
    kind = "control" if options.control else "guesthouse"
    if options.count:
        with TemporaryDirectory(prefix="gh-faults-") as folder:
            print(json.dumps(counted((Stock if options.control else World)(Path(folder)))))
        return 0
    kept = CHECKOUT / ".guesthouse" / f"faults-{kind}.json"
    if options.fresh:
        kept.unlink(missing_ok=True)
    done: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    with TemporaryDirectory(prefix="gh-faults-") as folder:
        world = (Stock if options.control else World)(Path(folder))
        world.save()
        counts: dict[str, list[Call]] = {}
        # What changes something comes first: a run that is cut off has seen the worst.
        for changing in (True,) if options.control else (True, False):
            for operation, before, after in OPERATIONS:
                if options.control and operation == "restart":
                    continue
                calls = counts.get(operation) or _count(world, before, after)
                counts[operation] = calls
                chosen = list(points(operation, calls, options.control, changing))
                for point in chosen[:: options.every]:
                    if str(point) not in done:
                        begun = time.monotonic()
                        done[str(point)] = verdict = _die(world, point, before, after)
                        kept.write_text(json.dumps(done, indent=2))
                        seconds = time.monotonic() - begun
                        print(f"{verdict[:150]:12} {point} ({seconds:.0f} s)", flush=True)
    if options.every == 1:
        table.write(CHECKOUT)
    good = sum(verdict == "converged" for verdict in done.values())
    print(f"{kind}: {len(done)} points, {good} converged")
    return 0 if good == len(done) or options.control else 1


def counted(world: World) -> dict[str, int]:
    """Calls of a guest's create, update and delete."""
    world.save()
    return {op: len(_count(world, *shapes)) for op, *shapes in OPERATIONS if op != "restart"}


def _at(world: World, shape: int | None) -> None:
    """The world in a shape, whatever was before."""
    world.restore()
    if shape is not None:
        world.declare(shape)
        world.changed()


def _count(world: World, before: int | None, after: int | None) -> list[Call]:
    _at(world, before)
    world.declare(after)
    calls = world.changed()
    assert (reason := world.wrong(after)) == "", reason
    return calls


def _die(world: World, point: Point, before: int | None, after: int | None) -> str:
    """ "converged", or what went wrong."""
    _at(world, before)
    world.declare(after)
    made = world.changed(point.call.number, point.before, point.victim)
    if len(made) < point.call.number:
        return "the call was not made"
    if said := world.recover():
        return f"needs hands: {said.strip().splitlines()[-1][:300]} | {said[-900:]}"
    if reason := world.wrong(after):
        return f"leaks: {reason}"
    return "converged"


if __name__ == "__main__":
    raise SystemExit(main())
