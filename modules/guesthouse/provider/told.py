"""What a preview tells other programs: one line of JSON for each resource, in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

# Whoever starts the engine names the file; without it nothing is written.
FILE = "GUESTHOUSE_REPORT_FILE"


def tell(urn: str, changes: Sequence[Mapping[str, str]], refused: Sequence[str]) -> None:
    """Append ``{urn, changes: [{what, old, new, effect, why}], refused: [text]}``."""
    path = os.environ.get(FILE)
    if not path:
        return
    line = json.dumps({"urn": urn, "changes": list(changes), "refused": list(refused)}) + "\n"
    # One write to a file opened for appending: lines of several threads never mix (open(2)).
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
