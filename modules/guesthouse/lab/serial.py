"""The serial log of a lab host, as a person can read it."""

from __future__ import annotations

import re
from pathlib import Path

# Colours, cursor moves and screen sizes that systemd and getty send to a terminal.
CONTROL = re.compile(r"\x1b\[[0-9;?!]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[a-zA-Z]|[\x00-\x08\x0b-\x1f]")


def plain(text: str) -> str:
    """The text without terminal control."""
    return CONTROL.sub("", text.replace("\r\n", "\n"))


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of the log, or a note that there is none."""
    if not path.exists():
        return "(no serial output)"
    text = plain(path.read_text(errors="replace"))
    kept = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(kept) or "(no serial output)"
