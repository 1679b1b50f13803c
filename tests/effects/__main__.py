"""``python tests/effects [NAME ...]``: do every row on a running guest of the lab, and compare.

Needs `make up`. Results are kept row by row in .guesthouse/effects.json (a run that was cut off
goes on; --fresh begins anew) and written to docs/results/effects.md when all rows are done.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests")]

from effects.guest import ALL, RowsGuest, lab_project, rows_guest  # noqa: E402
from effects.rows import ROWS, Row  # noqa: E402
from guesthouse.effects import Effect  # noqa: E402
from guesthouse.effects.change import FREE  # noqa: E402
from guesthouse.errors import GuesthouseError, RefusedError  # noqa: E402
from guesthouse.provider import changes  # noqa: E402
from scratch import commit  # noqa: E402

RESULTS = CHECKOUT / "docs" / "results" / "effects.md"


def main(argv: list[str]) -> int:
    project = lab_project(CHECKOUT)
    kept = project.home / "effects.json"
    if "--fresh" in argv:
        kept.unlink(missing_ok=True)
    names = [name for name in argv if not name.startswith("--")]
    done: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    rows = [r for r in ROWS if (r.name in names if names else r.name not in done)]
    if rows:
        with rows_guest(project) as guest:
            guest.told(mark=True)
            for row in rows:
                done[row.name] = result = _row(guest, row)
                kept.write_text(json.dumps(done, indent=2))
                print(f"{result['verdict']:8} {row.name}: {result['note']}", flush=True)
    bad = [name for name, result in done.items() if result["verdict"] != "as said"]
    if not names and len(done) == len(ROWS):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(_table(done))
    print(f"{len(done)} of {len(ROWS)} rows done, {len(done) - len(bad)} as said")
    return 1 if bad or len(done) < len(ROWS) else 0


def _row(guest: RowsGuest, row: Row) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        note = _done(guest, row)
        verdict = "as said" if note.startswith("as said") else "NOT SO"
    except (GuesthouseError, AssertionError) as error:
        verdict, note = "FAILED", str(error)
        _recover(guest)
    return {
        "about": row.about,
        "effect": row.effect.value,
        "verdict": verdict,
        "note": note,
        "seconds": round(time.monotonic() - begun, 1),
    }


def _done(guest: RowsGuest, row: Row) -> str:
    """Do the row; what happened, in words."""
    first = [row.first] if row.first else []
    if first:
        guest.update(guest.wanted(*first), [])
    wanted = guest.wanted(*first, row.edit)
    seen = guest.seen()
    found = changes.changes(seen, {**guest.state, **wanted})
    words = changes.summary("", found)[2:]
    said = max((c.effect for c in found), key=lambda e: e.rank, default=None)
    if said is not row.effect:
        return f"the table says {said.value if said else 'nothing'}: {words}"
    runs_on = row.effect.rank < Effect.RESTART.rank
    free = row.effect in FREE
    if not free:
        try:
            guest.update(wanted, [])
            return f"was not refused: {words}"
        except RefusedError:
            assert guest.seen()["domain_xml"] == seen["domain_xml"], "a refusal changed something"
    before = guest.told()
    guest.update(wanted, [] if free else ALL)
    after = guest.told()
    happened = _happened(before, after)
    if happened != ("stayed up" if runs_on or row.stays_up else "restarted"):
        return f"{happened}: {words}"
    keeps = row.effect is not Effect.DESTROYS_DATA
    if keeps and before.get("data") != after.get("data"):
        return f"the data disk changed: {words}"
    if runs_on and "interface" not in row.about and before["lan0_losses"] != after["lan0_losses"]:
        return f"lan0 lost its link: {words}"
    if not row.seen(before, after):
        return f"not seen inside: {words}; before {before}, after {after}"
    if row.about == "(volume)" and free:
        guest.base = wanted
    elif runs_on:
        guest.update(guest.base, ALL)
        if _happened(before, guest.told()) != "stayed up":
            return f"going back restarted it: {words}"
    return f"as said: {words}"


def _happened(before: dict[str, str], after: dict[str, str]) -> str:
    return "stayed up" if before["boot"] == after["boot"] else "restarted"


def _recover(guest: RowsGuest) -> None:
    """Back to the base, so that the next row starts from what is known."""
    try:
        guest.update(guest.base, ALL)
    except GuesthouseError as error:
        print(f"going back failed: {error}", flush=True)


def _table(done: dict[str, dict[str, Any]]) -> str:
    good = sum(result["verdict"] == "as said" for result in done.values())
    lines = [
        "# Effects: every row of the table, done to a running guest",
        "",
        f"{datetime.date.today()}, commit {commit()}: {good} of {len(done)} rows as said.",
        "Made by `python tests/effects` on the lab (small guest, emulated host). `as said` means:",
        "the preview named this effect; a dearer one was refused without permission; the guest's",
        "boot id stayed or changed accordingly; its data disk and its NIC's link were as before;",
        "the new values were read back from the running and the stored definition.",
        "",
        "| row | in the table | effect | result | what the preview said | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in done.items():
        note = result["note"].removeprefix("as said: ").replace("|", "\\|").replace("\n", " ")
        cells = (name, f"`{result['about']}`", result["effect"], result["verdict"], note)
        lines.append(f"| {' | '.join(cells)} | {result['seconds']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
