"""A project folder with a state in files that no engine wrote, for tests of broken states."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from guesthouse.cli.project import Project
from guesthouse.cli.state_files import StateFiles

ENGINE = "v3.0.0"


def state_text(minute: int, resources: int = 20, stack: str = "one") -> bytes:
    """A whole state, as the engine writes it; about 230 bytes for each resource."""
    urns = [f"urn:pulumi:{stack}::guesthouse::x:y:Z::r{number}" for number in range(resources)]
    made = [
        {
            "urn": urn,
            "type": "x:y:Z",
            "parent": urns[0] if number else "",
            "outputs": {"x": "y" * 80},
        }
        for number, urn in enumerate(urns)
    ]
    magic = hashlib.sha256(ENGINE.encode()).hexdigest()
    manifest = {"time": f"2026-11-28T18:{minute:02}:00Z", "magic": magic, "version": ENGINE}
    latest = {"manifest": manifest, "resources": made}
    checkpoint = {"stack": f"organization/guesthouse/{stack}", "latest": latest}
    return json.dumps({"version": 3, "checkpoint": checkpoint}).encode()


def state_files(root: Path, stack: str = "one") -> StateFiles:
    """The files of a stack whose folder has Pulumi.yaml and an empty state."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "Pulumi.yaml").write_text("name: guesthouse\n")
    files = StateFiles(Project(root), stack)
    files.file.parent.mkdir(parents=True, exist_ok=True)
    return files


def engine_files(files: StateFiles) -> list[Path]:
    """All that the engine keeps of a stack's state."""
    base = files.project.state / ".pulumi"
    named = "guesthouse/one"
    return [
        files.file,
        files.file.with_name("one.json.bak"),
        base / "backups" / named / "one.1.json",
        base / "history" / named / "one-1.checkpoint.json",
    ]


def write_engine_files(files: StateFiles, data: bytes) -> None:
    for path in engine_files(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
