"""The result table of both runs, committed as docs/results/faults.md."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

from scratch import commit


def write(checkout: Path) -> None:
    """Write the table from what the runs kept."""
    ours, lab, control = (_kept(checkout, kind) for kind in ("guesthouse", "lab", "control"))
    lines = [
        "# Faults: kill -9 at every machine call",
        "",
        f"{datetime.date.today()}, commit {commit()}. Made by `make test-long`: a real",
        "engine and provider, libvirt's test driver in a libvirtd of its own, a listener between",
        "them that counts calls and kills at one. `converged`: one `guesthouse up` exits 0, guest,",
        "volumes and state are exactly as declared, and a refreshed preview has no changes.",
        "On the lab a running guest is changed (`more`: words, weight, a disk; `less`: back), the",
        "victim dies some seconds after the engine's start, and the guest's boot id stays too.",
        "",
        "| who | operation | points | converged |",
        "| --- | --- | --- | --- |",
        *_sums("guesthouse", ours),
        *_sums("guesthouse, on the lab", lab),
        *_sums("upstream's pulumi_libvirt (control)", control),
        "",
        "## Points",
        "",
        "| who | point | result |",
        "| --- | --- | --- |",
    ]
    for who, found in (("guesthouse", ours), ("lab", lab), ("control", control)):
        for point, verdict in found.items():
            said = verdict.split(" | ")[0].replace("|", "\\|").replace("\n", " ")[:200]
            lines.append(f"| {who} | {point} | {said} |")
    path = checkout / "docs" / "results" / "faults.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _kept(checkout: Path, kind: str) -> dict[str, str]:
    path = checkout / ".guesthouse" / f"faults-{kind}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _sums(who: str, found: dict[str, str]) -> list[str]:
    count = Counter(point.split()[0] for point in found)
    good = Counter(p.split()[0] for p, verdict in found.items() if verdict == "converged")
    rows = [f"| {who} | {name} | {count[name]} | {good[name]} |" for name in count]
    return [*rows, f"| {who} | all | {sum(count.values())} | {sum(good.values())} |"]
